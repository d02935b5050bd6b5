// The official `plivo` package, driven line by line: {"call": "calls.speakText", "with": [...]} on stdin, one line of
// {"ok": ...} or {"status", "error"} on stdout for each. `plivo.js <base> <auth id> <auth token>`; its voice requests go
// to hosts that the package names itself, so the axios it uses is told to go to <base>.
const path = require("path");
const readline = require("readline");

const modules = process.env.SDK_MODULES;
const [base, authId, authToken] = process.argv.slice(2);
const axios = require(require.resolve("axios", { paths: [path.join(modules, "plivo")] }));

const here = (options) => {
  options.url = options.url.replace(/^https?:\/\/[^/]+/, base);
  return options;
};
const create = axios.create.bind(axios);
axios.create = (...options) => {
  const made = create(...options);
  made.interceptors.request.use(here);
  return made;
};
axios.interceptors.request.use(here);

const plivo = require(path.join(modules, "plivo"));
const client = new plivo.Client(authId, authToken);

const plain = (value) => JSON.parse(JSON.stringify(value === undefined ? null : value, (key, held) => (key === "client" ? undefined : held)));

async function answer(line) {
  const asked = JSON.parse(line);
  const [resource, operation] = asked.call.split(".");
  try {
    return { ok: plain(await client[resource][operation](...asked.with)) };
  } catch (error) {
    return { status: error.status || 0, error: String(error.message) };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(line)));
  }
})();
