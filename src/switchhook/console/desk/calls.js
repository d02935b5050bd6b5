// The calls of this desktop, as the server told them last, and which of them the buttons act on.

const CURRENT = ['Established', 'Dialing', 'Ringing', 'Held']; // what somebody most likely means

export class Calls {
    live = new Map(); // by id, in the order in which they came
    chosen = ''; // id
    #touched = new Set(); // told since the last reading began

    get selected() {
        return this.live.get(this.chosen);
    }

    reading() {
        this.#touched.clear();
    }

    // Takes a list that was read; what has been told meanwhile is newer than it.
    read(list) {
        const there = new Set(list.map(call => call.id));
        for (const id of this.live.keys()) {
            if (!there.has(id) && !this.#touched.has(id)) this.live.delete(id);
        }
        for (const call of list) {
            if (!this.#touched.has(call.id)) this.#keep(call);
        }
        this.#choose();
    }

    // Takes a call that was told; answers whether its state is another one than before.
    told(call) {
        const before = this.live.get(call.id)?.state;
        this.#touched.add(call.id);
        if (call.state === 'Released') {
            this.live.delete(call.id);
        } else {
            this.#keep(call);
            if (call.state !== before && this.#attracts(call)) this.chosen = call.id;
        }
        this.#choose();
        return call.state !== before;
    }

    clear() {
        this.live.clear();
        this.#choose();
    }

    // The other of two calls of which one was made to consult about the other.
    partner(call) {
        return [...this.live.values()].find(each => idIn(each.parentCallUri) === call.id || idIn(call.parentCallUri) === each.id);
    }

    // The call that a button acts on: the chosen one, but it is the ringing one that is answered.
    subject(operation) {
        const call = this.selected;
        if (call && this.may(call, operation)) return call;
        if (operation !== 'Answer') return undefined;
        return [...this.live.values()].find(each => this.may(each, operation));
    }

    // Capabilities, and the two things that the server does without listing them: declining, and taking back a call.
    may(call, operation) {
        if (call.capabilities.includes(operation)) return true;
        if (operation === 'Hangup') return call.state === 'Ringing';
        return operation === 'Retrieve' && call.state === 'Held' && ![...this.live.values()].some(each => each.state === 'Established');
    }

    #keep(call) {
        this.live.set(call.id, {...call, began: Date.now() - 1000 * Number(call.duration)});
    }

    #attracts(call) {
        return call.state === 'Established' || call.state === 'Dialing' || !['Established', 'Dialing'].includes(this.selected?.state);
    }

    #choose() {
        if (this.live.has(this.chosen)) return;
        const rank = call => CURRENT.indexOf(call.state);
        this.chosen = [...this.live.values()].sort((a, b) => rank(a) - rank(b))[0]?.id ?? '';
    }
}

function idIn(uri) {
    return uri?.split('/').at(-1);
}
