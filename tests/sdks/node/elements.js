// Prints {name: XML} for each element that npm `plivo` has, with every attribute and every child that it allows there.
// `elements.js <file>`: values by attribute name, {"Element.attribute": value} first, then {"attribute": value}.
const fs = require("fs");
const { Response } = require("plivo");

const values = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const missing = new Set();
const documents = {};
const BODIES = values.bodies;

// The package's own lists say what an element allows.
const folded = (name) => name.replace(/[^A-Za-z]/g, "").toLowerCase();
const adders = {};
for (const name in new Response()) {
  if (/^add./.test(name)) adders[folded(name.slice(3))] = name;
}

const filled = (element) => {
  for (const name of element.valid_attributes || []) {
    const value = values.attributes[`${element.element}.${name}`] ?? values.attributes[name];
    if (value === undefined) missing.add(`${element.element}.${name}`);
    else if (value !== null) element.elem.att(name, value);
  }
};

const add = (parent, name, depth) => {
  const adder = adders[folded(name)];
  if (!adder || !parent[adder]) {
    missing.add(`${parent.element} > ${name}`);
    return;
  }
  const body = BODIES[name];
  const made = body === undefined ? parent[adder]({}) : parent[adder](body, name === "MultiPartyCall" ? { role: "agent" } : {});
  if (!made) return;
  filled(made);
  if (depth < 2) for (const child of made.nestables || []) if (child !== name) add(made, child, depth + 1);
};

const root = new Response();
for (const name of root.nestables) {
  const response = new Response();
  add(response, name, 0);
  documents[name] = response.toXML();
}
console.log(JSON.stringify({ documents, missing: [...missing], adders: Object.keys(adders) }));
