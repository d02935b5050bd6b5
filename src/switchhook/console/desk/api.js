// The REST half of the public interface: every request answers its result, or throws an ApiError that says in words why.

const BASE = '/api/v2';
const WAIT_MS = 15000;

export class ApiError extends Error {
    constructor(text, {denied = false, unreachable = false} = {}) {
        super(text);
        this.denied = denied; // nobody is logged in: ask for the password again
        this.unreachable = unreachable; // the request may or may not have arrived
    }
}

export class Api {
    authorization = ''; // kept in memory only; without it (after a reload) the session cookie speaks for us
    #tokenHeader = '';
    #token = '';

    knows(user, password) {
        const bytes = new TextEncoder().encode(`${user}:${password}`);
        this.authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`;
    }

    forgets() {
        this.authorization = '';
        this.#token = '';
    }

    get(path) {
        return this.#ask('GET', path);
    }

    operate(path, operationName, parameters = {}) {
        return this.#ask('POST', path, {operationName, ...parameters});
    }

    async #ask(method, path, body) {
        const headers = {Accept: 'application/json'};
        if (this.authorization) headers.Authorization = this.authorization;
        if (body) {
            headers['Content-Type'] = 'application/json; charset=UTF-8';
            headers['X-Request-Id'] = `${Date.now()}-${Math.random()}`; // a press, so that two presses are two requests
            if (this.#token) headers[this.#tokenHeader] = this.#token;
        }
        let reply;
        let said;
        try {
            const signal = AbortSignal.timeout(WAIT_MS);
            reply = await fetch(BASE + path, {method, headers, body: body && JSON.stringify(body), signal});
            said = await reply.json();
        } catch {
            if (reply) throw new ApiError(`The server answered ${reply.status} and nothing that could be read.`);
            throw new ApiError('The server does not answer. Try again in a moment.', {unreachable: true});
        }
        if (reply.headers.has('X-CSRF-HEADER')) {
            this.#tokenHeader = reply.headers.get('X-CSRF-HEADER');
            this.#token = reply.headers.get(this.#tokenHeader);
        }
        if (said.statusCode === 0 || said.statusCode === 7) return said;
        const text = said.statusMessage || `The server answered ${reply.status}, code ${said.statusCode}.`;
        throw new ApiError(text, {denied: said.statusCode === 20});
    }
}
