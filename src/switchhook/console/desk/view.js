// What is on the page: one card for each call, and buttons that are enabled by what the calls offer.

import {kind, parties, sentence, time} from './words.js';

// Where the keyboard goes on when the button that had it is switched off: to what is likely next, never to Hang up.
const NEXT = {
    Answer: ['Hold'],
    Hold: ['Retrieve'],
    Retrieve: ['Hold'],
    InitiateTransfer: ['CompleteTransfer'],
    InitiateConference: ['CompleteConference', 'CompleteTransfer'],
};
const NEEDS_NUMBER = ['Dial', 'InitiateTransfer', 'SingleStepTransfer', 'InitiateConference'];

export const $ = id => document.getElementById(id);
export const buttons = [...document.querySelectorAll('[data-operation]')];

export function needsNumber(operation) {
    return NEEDS_NUMBER.includes(operation);
}

export function say(id, text) {
    if ($(id).textContent !== text) $(id).textContent = text;
}

export function connection(is, text) {
    $('connection').dataset.is = is;
    say('connection', text);
}

export function showLogin(shown) {
    $('login').hidden = !shown;
    $('desk').hidden = $('who').hidden = shown;
    if (shown) document.title = 'Desk';
}

export function showCalls(calls, choose) {
    const list = $('calls');
    const cards = new Map([...list.children].map(card => [card.dataset.call, card]));
    for (const [id, card] of cards) {
        if (!calls.live.has(id)) card.remove();
    }
    for (const call of calls.live.values()) {
        const card = cards.get(call.id) ?? list.appendChild(newCard(call.id, choose));
        fill(card, call, call.id === calls.chosen);
    }
    $('none').hidden = calls.live.size > 0;
    const shown = [...list.querySelectorAll('.sentence')].map(each => each.textContent);
    $('news').classList.toggle('heard', shown.includes($('news').textContent)); // read aloud, not shown twice
    const ringing = [...calls.live.values()].find(call => call.state === 'Ringing');
    document.title = ringing ? `${parties(ringing)} is calling - Desk` : 'Desk';
}

export function showControls(calls, connected) {
    const had = document.activeElement;
    for (const button of buttons) {
        const operation = button.dataset.operation;
        const call = calls.subject(operation);
        button.disabled = !connected || (operation === 'Dial' ? calls.live.size > 0 : !call);
        if (call && call !== calls.selected) button.title = `Answers ${parties(call)}`;
        else button.removeAttribute('title');
    }
    const call = calls.selected;
    say('subject', call ? `For the call with ${parties(call)}` : 'No call is selected.');
    if (had?.dataset?.operation && had.disabled) follow(had.dataset.operation);
}

export function tick(calls) {
    for (const card of $('calls').children) {
        const call = calls.live.get(card.dataset.call);
        if (call) card.querySelector('time').textContent = time(Date.now() - call.began);
    }
}

function follow(operation) {
    const next = (NEXT[operation] ?? []).map(name => buttons.find(each => each.dataset.operation === name));
    (next.find(each => !each.disabled) ?? $('number')).focus();
}

function newCard(id, choose) {
    const card = document.createElement('label');
    card.className = 'call';
    card.dataset.call = id;
    const radio = make('input', '');
    radio.type = 'radio';
    radio.name = 'call';
    radio.value = id;
    radio.addEventListener('change', () => choose(id));
    const words = make('span', 'words');
    words.append(make('strong', 'who'), make('span', 'sentence'), make('span', 'more'));
    const state = make('span', 'state');
    state.append(make('b', 'badge'), make('time', ''));
    card.append(radio, words, state);
    return card;
}

function fill(card, call, chosen) {
    const put = (selector, text) => {
        const part = card.querySelector(selector);
        if (part.textContent !== text) part.textContent = text;
    };
    card.dataset.state = call.state;
    const radio = card.querySelector('input');
    radio.checked = chosen;
    const name = `${parties(call)}, ${call.state}, ${kind(call)}`; // without the time, which never stands still
    if (radio.ariaLabel !== name) radio.ariaLabel = name;
    put('.who', parties(call));
    put('.sentence', sentence(call));
    put('.badge', call.state);
    put('.more', [kind(call), ...Object.entries(call.userData ?? {}).map(([key, value]) => `${key}: ${plain(value)}`)].join(' · '));
}

function plain(value) {
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function make(name, className) {
    const made = document.createElement(name);
    made.className = className;
    return made;
}
