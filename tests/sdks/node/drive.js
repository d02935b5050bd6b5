// A program of somebody's, made with the `plivo` package: does what stdin says, line by line, and tells what came of it.
// {"call": "calls.playMusic", "with": [...]} in, {"ok": ...} or {"error", "status"} out. It knows nothing of where the
// server is.
const readline = require("readline");

const plivo = require("plivo");
const client = new plivo.Client(process.argv[2], process.argv[3]);
const plain = (value) => JSON.parse(JSON.stringify(value === undefined ? null : value, (key, held) => (key === "client" ? undefined : held)));

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line);
    const [resource, operation] = asked.call.split(".");
    let said;
    try {
      said = { ok: plain(await client[resource][operation](...asked.with)) };
    } catch (error) {
      said = { error: String(error.message), status: error.status || 0 };
    }
    console.log(`> ${JSON.stringify(said)}`); // the package itself prints things, too
  }
})();
