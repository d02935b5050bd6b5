// A desktop made of the npm CometD client: it answers, transfers in two steps, and prints every message it is told.
// Arguments: base URL, user, password, "plain", "ack" or "socket" (the login on web sockets too), the target's number.
'use strict';

const http = require('http');
const path = require('path');

const modules = process.env.SDK_MODULES;
const load = name => require(path.join(modules, name));
load('cometd-nodejs-client').adapt();
const {CometD} = load('cometd');

const [base, user, password, mode, target] = process.argv.slice(2);
const authorization = 'Basic ' + Buffer.from(`${user}:${password}`).toString('base64');
const say = line => process.stdout.write(JSON.stringify(line) + '\n');

const cometd = new CometD();
if (mode === 'ack') {
    const Ack = load('cometd/AckExtension');
    cometd.registerExtension('ack', new Ack());
}
cometd.configure({
    url: `${base}/api/v2/notifications`,
    logLevel: 'warn',
    requestHeaders: {Authorization: authorization},
});
cometd.websocketEnabled = true; // it is tried first; where it carries no login it must fall back
if (mode === 'socket') {
    const Plain = global.window.WebSocket;
    global.window.WebSocket = class extends Plain {
        constructor(url) {
            super(url, {headers: {Authorization: authorization}});
        }
    };
}

function post(uri, body) {
    return new Promise((resolve, reject) => {
        const headers = {Authorization: authorization, 'Content-Type': 'application/json; charset=UTF-8'};
        const request = http.request(uri, {method: 'POST', headers}, response => {
            let text = '';
            response.on('data', part => { text += part; });
            response.on('end', () => resolve({status: response.statusCode, body: JSON.parse(text)}));
        });
        request.on('error', reject);
        request.write(JSON.stringify(body)); // without a Content-Length: chunked
        request.end();
    });
}

async function operate(uri, operationName, more) {
    const reply = await post(uri, {operationName, ...more});
    say({reply: operationName, ...reply});
}

const released = new Set();

function told(message) {
    say({channel: message.channel, data: message.data});
    const call = message.data.call;
    if (!call) {
        return;
    }
    const consult = call.parentCallUri !== undefined;
    if (call.state === 'Ringing') {
        operate(call.uri, 'Answer');
    } else if (call.state === 'Established' && !consult) {
        operate(call.uri, 'InitiateTransfer', {destination: {phoneNumber: target}});
    } else if (call.state === 'Established' && consult) {
        operate(call.uri, 'CompleteTransfer');
    } else if (call.state === 'Released') {
        released.add(call.id);
        if (released.size === 2) {
            cometd.disconnect(reply => {
                say({disconnected: reply.successful});
                process.exit(0);
            });
        }
    }
}

cometd.handshake(async shaken => {
    const used = cometd.getTransport();
    const transport = used && (used.getType ? used.getType() : used.type); // before version 8, and since
    say({handshake: shaken.successful, transport, ext: shaken.ext});
    if (!shaken.successful) {
        return; // it tries the next transport by itself
    }
    let open = 2;
    for (const channel of ['/v2/me/calls', '/v2/me/devices']) {
        cometd.subscribe(channel, told, async subscribed => {
            say({subscribed: subscribed.successful, channel});
            open -= 1;
            if (open === 0) {
                await operate(`${base}/api/v2/me`, 'StartContactCenterSession', {channels: ['voice']});
                say({ready: true});
            }
        });
    }
});
