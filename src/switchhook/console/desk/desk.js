// A desktop of one agent. It uses only what any other program may use: /api/v2 and its CometD channel.

import {Api, ApiError} from './api.js';
import {Calls} from './calls.js';
import {Channel} from './channel.js';
import {$, buttons, connection, needsNumber, say, showCalls, showControls, showLogin, tick} from './view.js';
import {sentence} from './words.js';

const TAB = 'desk.user'; // this tab was logged in as that user; the password is not kept

const api = new Api();
const calls = new Calls();
let user; // the resource /me, while logged in
let connected = false;
let lost = false;
let reading = 0; // the latest reading counts; a break of the connection makes the one under way old
let asking = false; // an operation is under way: a second press would be a second request

const channel = new Channel({
    told: data => data.messageType === 'CallStateChangeMessage' ? toldCall(data)
        : data.messageType === 'DeviceStateChangeMessage' ? toldDevices(data.devices)
        : data.messageType === 'ErrorMessage' && fails(data.operationName, data.errorMessage),
    ready,
    lost: () => {
        lost = true;
        connected = false;
        reading += 1;
        connection('lost', 'Connection lost, trying again');
        show();
    },
    denied: () => leave('You are no longer logged in. Log in again.'),
});

// --- logging in and out ----------------------------------------------------------------------------------------------

async function enter(name) {
    const {user: found} = await api.get('/me?subresources=devices');
    if (name && found.userName !== name) throw new ApiError('Another user is logged in.', {denied: true});
    user = found;
    sessionStorage.setItem(TAB, user.userName);
    toldDevices(user.devices);
    showLogin(false);
    connection('off', 'Connecting');
    show();
    channel.open(api.authorization);
}

function leave(text = '') {
    channel.close();
    api.forgets();
    calls.clear();
    user = undefined;
    connected = lost = false;
    sessionStorage.removeItem(TAB);
    connection('off', 'Not logged in');
    say('news', '');
    say('error', text);
    showLogin(true);
    show();
    $('user').focus();
}

$('login').addEventListener('submit', async event => {
    event.preventDefault();
    if (asking) return;
    asking = true;
    api.knows($('user').value.trim(), $('password').value);
    try {
        await enter();
        $('password').value = '';
        say('error', '');
        $('number').focus();
    } catch (error) {
        api.forgets();
        say('error', error.denied ? 'The user name or the password is wrong.' : error.message);
        $('password').select();
    } finally {
        asking = false;
    }
});

$('log-out').addEventListener('click', async () => {
    try {
        await api.operate('/me', 'EndContactCenterSession');
    } catch (error) {
        if (!error.denied) return say('error', `Log out: ${error.message}`);
    }
    leave();
});

// --- what the server tells -------------------------------------------------------------------------------------------

// Begins the session once subscribed (also again, if the server has forgotten us), and reads what was not told.
async function ready(subscribed) {
    if (!subscribed && !lost) return;
    const mine = ++reading;
    try {
        calls.reading();
        if (subscribed) await api.operate('/me', 'StartContactCenterSession', {channels: ['voice']});
        const {user: found} = await api.get('/me?subresources=devices,calls');
        if (!user || mine !== reading) return;
        calls.read(found.calls ?? []);
        toldDevices(found.devices);
        if (!connected) connection('on', lost ? 'Connected again' : 'Connected'); // of two readings the first says it
        connected = true;
        lost = false;
        show();
    } catch (error) {
        if (!user) return; // logged out meanwhile
        if (error.denied) return leave('You are no longer logged in. Log in again.');
        if (!error.unreachable) return say('error', error.message);
        setTimeout(() => user && ready(subscribed), 2000);
    }
}

function toldCall(data) {
    if (data.notificationType === 'Error') return;
    if (calls.told(data.call)) say('news', sentence(data.call));
    show();
}

function toldDevices(devices) {
    const device = devices?.[0];
    if (!device || !user) return;
    user.devices = devices;
    const state = device.userState?.displayName ?? '';
    const telephone = device.deviceState === 'Active' ? device.phoneNumber : `${device.phoneNumber}, telephone not connected`;
    say('agent', [user.userName, telephone, state].filter(Boolean).join(' · '));
}

function show() {
    showCalls(calls, choose);
    showControls(calls, connected);
    tick(calls);
}

function choose(id) {
    calls.chosen = id;
    show();
}

// --- operations ------------------------------------------------------------------------------------------------------

async function press(operation) {
    if (asking) return;
    const parameters = {};
    if (needsNumber(operation)) {
        const phoneNumber = $('number').value.trim();
        if (!phoneNumber) {
            fails(operation, 'Type a number first.');
            $('number').focus();
            return;
        }
        parameters.destination = {phoneNumber};
    }
    const call = calls.subject(operation);
    if (operation === 'SwapCalls') parameters.otherCallUri = calls.partner(call)?.uri;
    asking = true;
    try {
        await api.operate(operation === 'Dial' ? `/me/devices/${user.devices[0].id}/calls` : `/me/calls/${call.id}`, operation, parameters);
        say('error', '');
        if (needsNumber(operation)) $('number').value = '';
    } catch (error) {
        if (error.denied) return leave('You are no longer logged in. Log in again.');
        fails(operation, error.message);
    } finally {
        asking = false;
    }
}

function fails(operation, text) {
    const label = buttons.find(each => each.dataset.operation === operation)?.textContent ?? operation;
    say('error', ''); // the same words again are news again
    requestAnimationFrame(() => say('error', label ? `${label}: ${text}` : text));
}

for (const button of buttons) button.addEventListener('click', () => press(button.dataset.operation));

// Enter in the field Number: the usual thing to do with a number now.
$('onward').addEventListener('submit', event => {
    event.preventDefault();
    const usual = ['InitiateTransfer', 'Dial'].find(name => !buttons.find(each => each.dataset.operation === name).disabled);
    if (usual) press(usual);
    else say('error', 'No call can take a number now.');
});

addEventListener('offline', () => channel.interrupt());
setInterval(() => tick(calls), 1000);

const before = sessionStorage.getItem(TAB);
if (before) enter(before).catch(() => leave());
else {
    showLogin(true);
    $('user').focus();
}
show();
