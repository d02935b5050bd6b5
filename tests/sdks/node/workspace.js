// An agent's desktop made with the `genesys-workspace-client-js` package: does what stdin says, line by line, and tells
// what came of it and every event of the package. {"call": "voice.makeCall", "with": [...]} in; {"ok"}, {"error"} and
// {"event"} out. Arguments: base URL, API key.
'use strict';

const path = require('path');
const readline = require('readline');

const WorkspaceApi = require(path.join(process.env.SDK_MODULES, 'genesys-workspace-client-js'));
const [base, key] = process.argv.slice(2);
const say = line => process.stdout.write(`> ${JSON.stringify(line)}\n`); // the package itself prints things, too

const api = new WorkspaceApi(key, base);
for (const event of ['CallStateChanged', 'DnStateChanged', 'EventUserEvent']) {
    api.on(event, message => say({event, message}));
}

async function carryOut(asked) {
    if (asked.call === 'known') {
        return {user: api.user, configuration: api.configuration, calls: [...api.voice.calls.keys()]};
    }
    const [first, second] = asked.call.split('.');
    const found = await (second ? api[first][second](...asked.with) : api[first](...asked.with));
    return found === undefined ? null : found;
}

(async () => {
    for await (const line of readline.createInterface({input: process.stdin})) {
        const asked = JSON.parse(line);
        try {
            say({ok: await carryOut(asked)});
        } catch (error) {
            const body = error.response && error.response.body;
            say({error: String(error.message || error), status: error.status || 0, body});
        }
    }
    process.exit(0);
})();
