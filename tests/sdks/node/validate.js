// Reads [{method, url, nonce3, signature3, nonce2, signature2, token, params}] from a file; prints for each whether npm
// `plivo` accepts both of its signatures.
const fs = require("fs");
const { validateV3Signature, validateSignature } = require("plivo");

const hooks = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const verdicts = hooks.map((hook) => [
  Boolean(validateV3Signature(hook.method, hook.url, hook.nonce3, hook.token, hook.signature3, hook.params)),
  Boolean(validateSignature(hook.url, hook.nonce2, hook.signature2, hook.token)),
]);
console.log(JSON.stringify(verdicts));
