// The CometD half of the public interface: what happens is told here, also after the connection was gone for a while.
//
// Long-polling with the ack extension: what the server sent into a connection that broke is sent again. It is the one
// transport that passes every proxy, so web sockets are not tried, and JSONP would need a policy that lets scripts of
// others run. The client tries again by itself, after 1, 2, 3 ... at most 8 seconds.

const {CometD} = window.org.cometd;
const CHANNELS = ['/v2/me/calls', '/v2/me/devices'];

export class Channel {
    #cometd;
    #listener;
    #connected = false;

    // listener: told(data), ready(again), lost(), denied()
    constructor(listener) {
        this.#listener = listener;
    }

    open(authorization) {
        const cometd = this.#cometd = new CometD('desk');
        cometd.unregisterTransport('websocket');
        cometd.unregisterTransport('callback-polling');
        cometd.registerExtension('ack', new window.org.cometd.AckExtension());
        cometd.configure({
            url: `${location.origin}/api/v2/notifications`,
            logLevel: 'error',
            maxBackoff: 8000,
            requestHeaders: authorization ? {Authorization: authorization} : {},
        });
        cometd.addListener('/meta/handshake', reply => this.#shaken(cometd, reply));
        cometd.addListener('/meta/connect', reply => this.#polled(cometd, reply));
        cometd.handshake();
    }

    // The machine knows that it has no network: the poll that waits is given up, rather than held for its 40 seconds.
    interrupt() {
        this.#cometd?.getTransport()?.abort();
    }

    close() {
        const cometd = this.#cometd;
        this.#cometd = undefined;
        this.#connected = false;
        cometd?.clearListeners();
        cometd?.clearSubscriptions();
        cometd?.disconnect();
    }

    #shaken(cometd, reply) {
        if (cometd !== this.#cometd) return;
        if (!reply.successful) {
            this.#failed(reply);
            return;
        }
        cometd.batch(() => {
            for (const channel of CHANNELS) {
                cometd.subscribe(channel, message => this.#listener.told(message.data), answer => {
                    // Subscribed before anything is read: whatever happens after the reading is told.
                    if (answer.successful && channel === CHANNELS.at(-1)) this.#listener.ready(true);
                });
            }
        });
    }

    #polled(cometd, reply) {
        if (cometd !== this.#cometd) return;
        if (!reply.successful) {
            this.#failed(reply);
        } else if (!this.#connected) {
            this.#connected = true;
            this.#listener.ready(false);
        }
    }

    #failed(reply) {
        this.#connected = false;
        if (reply.failure?.httpCode === 403) this.#listener.denied();
        else this.#listener.lost();
    }
}
