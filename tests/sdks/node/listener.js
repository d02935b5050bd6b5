// The npm CometD client as it is meant to be used: it subscribes after every handshake, prints every message it is told
// and goes on by itself when the connection breaks. Arguments: base URL, user, password, and the words "socket" (web
// sockets carry the login, as a browser's cookie would) and "ack". A line on standard input is a command.
'use strict';

const path = require('path');
const readline = require('readline');

const load = name => require(path.join(process.env.SDK_MODULES, name));
load('cometd-nodejs-client').adapt();
const {CometD} = load('cometd');

const [base, user, password, ...words] = process.argv.slice(2);
const authorization = 'Basic ' + Buffer.from(`${user}:${password}`).toString('base64');
const say = line => process.stdout.write(JSON.stringify(line) + '\n');

if (words.includes('socket')) {
    const Plain = global.window.WebSocket;
    global.window.WebSocket = class extends Plain {
        constructor(url) {
            super(url, {headers: {Authorization: authorization}});
        }
    };
}

const cometd = new CometD();
if (words.includes('ack')) {
    const Ack = load('cometd/AckExtension');
    cometd.registerExtension('ack', new Ack());
}
cometd.configure({
    url: `${base}/api/v2/notifications`,
    logLevel: 'error',
    requestHeaders: {Authorization: authorization},
    backoffIncrement: 100,
});
cometd.websocketEnabled = words.includes('socket');

const transport = () => {
    const used = cometd.getTransport();
    return used && (used.getType ? used.getType() : used.type);
};

let connected = false;
cometd.addListener('/meta/connect', reply => {
    if (reply.successful !== connected) {
        connected = reply.successful;
        say({connected, transport: transport()});
    }
});
const told = message => say({channel: message.channel, data: message.data});
cometd.addListener('/meta/handshake', reply => {
    say({handshake: reply.successful, client: reply.clientId, transport: transport()});
    if (reply.successful) {
        cometd.subscribe('/v2/me/calls', told, subscribed => say({subscribed: subscribed.successful}));
    }
});

const commands = {
    batch() {
        cometd.batch(() => {
            const passing = cometd.subscribe('/v2/me/chats', told, reply => say({batch: 'subscribe', ok: reply.successful}));
            cometd.unsubscribe(passing, reply => say({batch: 'unsubscribe', ok: reply.successful}));
            cometd.publish('/v2/me/calls', {forged: true}, reply => say({batch: 'publish', ok: reply.successful}));
        });
    },
    leave() {
        cometd.disconnect(reply => {
            say({disconnected: reply.successful});
            process.exit(0);
        });
    },
};
readline.createInterface({input: process.stdin}).on('line', line => commands[line]());
cometd.handshake();
