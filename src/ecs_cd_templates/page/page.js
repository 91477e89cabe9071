"use strict";

// What the page knows: the templates' forms, the regions, and the words of both languages.
const data = JSON.parse(document.getElementById("data").textContent);

// What people typed. The controls show it, but a control may change a line break, so they are never read back.
const where = new Map(Object.entries(data.where));
const valuesOf = new Map(Object.entries(data.templates).map(([name, template]) => [name, defaults(template)]));

// Fields that may say that they are blank; before that, a blank form would be a wall of errors.
const visited = new Set();

let language = "en";
let rendered = false;

function defaults(template) {
  return new Map(Object.entries(template.parameters).map(([name, { Default = "" }]) => [name, String(Default)]));
}

function element(id) {
  return document.getElementById(id);
}

/** A new element; `properties` that are functions are listeners, `text` is its text, the rest are attributes. */
function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (name === "text") made.textContent = value;
    else if (value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function template() {
  return data.templates[where.get("template")];
}

function values() {
  return valuesOf.get(where.get("template"));
}

// Words ---------------------------------------------------------------------------------------------------------------

/** A text of the page's own, with what `{name}` in it stands for. */
function text(key, fill = {}) {
  return data.strings[language][key].replace(/\{(\w+)\}/g, (_, name) => fill[name]);
}

/** A template's own text, and the language that it is in: its translations are of whole sentences. */
function words(english) {
  if (language === "en") return [english, "en"];
  const { japanese } = data.strings;
  const names = {};
  const general = english
    .replace(/\bthe ((?:(?!the )[\w-]+ )*)environment\b/, (_, name) => {
      names.environment = japanese[name.trim()] ?? name.trim();
      return "{environment}";
    })
    .replace(/\b(\w+) and (\w+) are the same\.$/, (_, one, other) => {
      Object.assign(names, { one, other });
      return "{one} and {other} are the same.";
    });
  if (!(general in japanese)) return [english, "en"];
  return [japanese[general].replace(/\{(\w+)\}/g, (_, name) => names[name]), "ja"];
}

function setWords(target, english) {
  const [content, lang] = words(english);
  target.textContent = content;
  target.lang = lang;
  return target;
}

// What CloudFormation accepts -----------------------------------------------------------------------------------------

/** The items that constraints are about: those of a list, or the value itself. */
function items(parameter, value) {
  return isList(parameter) ? value.split(",").map((item) => item.trim()) : [value];
}

function isList({ Type }) {
  return Type === "CommaDelimitedList" || Type.startsWith("List<");
}

/** Why the value is not accepted, as the key of a text and what fills it, or null. */
function problem(parameter, value) {
  const reason = items(parameter, value).map((item) => itemProblem(parameter, item)).find(Boolean) ?? null;
  if (/\p{Cs}/u.test(value)) return { key: "notUnicode" };
  if (new TextEncoder().encode(value).length > 4096) return { key: "tooManyBytes" };
  return reason && value === "" ? { key: "missing" } : reason;
}

function itemProblem(parameter, item) {
  const { Type, AllowedValues, AllowedPattern, MinLength = 0, MaxLength = 4096, MinValue, MaxValue } = parameter;
  if (AllowedValues && !AllowedValues.map(String).includes(item)) return { key: "notAllowed" };
  if (AllowedPattern && !new RegExp(`^(?:${AllowedPattern})$`, "u").test(item)) return { key: "noMatch" };
  if (Type === "Number" || Type === "List<Number>") {
    if (!/^-?[0-9]+$/.test(item)) return { key: "noNumber" };
    const number = BigInt(item);
    if (MinValue !== undefined && number < BigInt(MinValue)) return { key: "tooSmall", least: MinValue };
    if (MaxValue !== undefined && number > BigInt(MaxValue)) return { key: "tooLarge", most: MaxValue };
    return null;
  }
  // A resource of the account cannot be a blank; its name is what CloudFormation looks up.
  if (Type.includes("AWS::") && item === "") return { key: "noMatch" };
  const prefix = data.idPrefixes[Type.replace(/^List<(.*)>$/, "$1")];
  if (prefix && !new RegExp(`^${prefix}-[0-9a-f]+$`).test(item)) return { key: "noId", prefix };
  const length = [...item].length;
  if (length < MinLength) return { key: "tooShort", least: MinLength, length };
  if (length > MaxLength) return { key: "tooLong", most: MaxLength, length };
  return null;
}

/** The value of a node of a rule, or undefined where only AWS can know it. */
function evaluate(node) {
  if (node === null || typeof node !== "object") return node;
  if (Array.isArray(node)) {
    const members = node.map(evaluate);
    return members.includes(undefined) ? undefined : members;
  }
  const [[name, argument]] = Object.entries(node);
  if (name === "Ref") return reference(argument);
  // Not the arguments as a whole: And and Or can be decided by one that is known.
  if (name === "Fn::And") return every(argument.map(evaluate));
  if (name === "Fn::Or") return not(every(argument.map((part) => not(evaluate(part)))));
  const known = evaluate(argument);
  if (known === undefined) return undefined;
  if (name === "Fn::Not") return not(known[0]);
  if (name === "Fn::Equals") return String(known[0]) === String(known[1]);
  if (name === "Fn::Contains") return known[0].map(String).includes(String(known[1]));
  if (name === "Fn::EachMemberEquals") return known[0].every((member) => String(member) === String(known[1]));
  if (name === "Fn::EachMemberIn") return known[0].every((member) => known[1].map(String).includes(String(member)));
  return undefined;
}

function every(parts) {
  if (parts.includes(false)) return false;
  return parts.includes(undefined) ? undefined : true;
}

function not(truth) {
  return truth === undefined ? undefined : !truth;
}

function reference(name) {
  const parameter = template().parameters[name];
  if (parameter) return isList(parameter) ? items(parameter, values().get(name)) : values().get(name);
  return pseudoParameters()[name];
}

function pseudoParameters() {
  const partition = data.regions[where.get("region")];
  return {
    "AWS::Region": where.get("region") || undefined,
    "AWS::Partition": partition,
    "AWS::URLSuffix": data.partitions[partition]?.suffix,
    "AWS::StackName": where.get("stackName") || undefined,
  };
}

function references(node) {
  if (node === null || typeof node !== "object") return [];
  if (typeof node.Ref === "string") return [node.Ref];
  return Object.values(node).flatMap(references);
}

/** The assertions that do not hold, each with the parameters that it is about. */
function brokenRules(problems) {
  const broken = [];
  for (const { RuleCondition = true, Assertions } of template().rules) {
    for (const { Assert, AssertDescription } of Assertions) {
      // What a field's own message says already need not be said by a rule too.
      if (references([RuleCondition, Assert]).some((name) => problems.get(name))) continue;
      if (evaluate(RuleCondition) !== true || evaluate(Assert) !== false) continue;
      broken.push({ names: [...new Set(references(Assert))], description: AssertDescription });
    }
  }
  return broken;
}

// Where to launch -----------------------------------------------------------------------------------------------------

// What the command refuses, too: a name with dots has no certificate, and clients take . and .. out of an address.
const BUCKET =
  "(?!xn--|sthree-|amzn-s3-demo-)(?!.*(?:-s3alias|--ol-s3|--x-s3|--table-s3)$)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]";
const PART = "(?!\\.{1,2}(?:/|$))[A-Za-z0-9!_.*'()-]+";
const FOLDER = `/*(?:${PART}(?:/${PART})*)?/*`;

/** The fields of the page's own, in the shape of a template's parameters. */
function whereFields() {
  const regions = Object.keys(data.regions);
  return {
    template: { Type: "String", AllowedValues: Object.keys(data.templates) },
    stackName: { Type: "String", AllowedPattern: "[A-Za-z][A-Za-z0-9-]*", MinLength: 1, MaxLength: 128 },
    region: { Type: "String", AllowedValues: template().regions },
    bucketRegion: { Type: "String", AllowedValues: ["", ...regions] },
    bucket: { Type: "String", AllowedPattern: BUCKET, MinLength: 3, MaxLength: 63 },
    prefix: { Type: "String", AllowedPattern: FOLDER, MaxLength: 250 },
  };
}

function whereProblem(name, parameter) {
  const found = problem(parameter, where.get(name));
  if (found?.key === "missing") return text(`${name}Missing`);
  if (found) return text(`${name}Hint`);
  const { region, bucketRegion } = Object.fromEntries(where);
  if (name === "bucketRegion" && region && bucketRegion && data.regions[region] !== data.regions[bucketRegion]) {
    return text("otherPartition");
  }
  return null;
}

// What comes of it ----------------------------------------------------------------------------------------------------

/** Percent-encoded but for letters, digits and -._~ : encodeURIComponent leaves some more as they are. */
function encode(value) {
  return encodeURIComponent(value).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

function templateUrl() {
  const region = where.get("bucketRegion") || where.get("region");
  const folder = where.get("prefix").split("/").filter(Boolean);
  const key = [...folder, where.get("template")].map(encode).join("/");
  return `https://${where.get("bucket")}.s3.${region}.${data.partitions[data.regions[region]].suffix}/${key}`;
}

/** The address of the console's form, and the parameters that it leaves for people to type there. */
function launch() {
  const region = where.get("region");
  const fixed = [["templateURL", templateUrl()], ["stackName", where.get("stackName")]];
  const parameters = template().parameters;
  // Blank is what the form shows anyway, unless the template has a default. Hidden values are not filled in there.
  const given = [...values()].filter(([name, value]) => value !== "" || parameters[name].Default);
  const leftOut = given.filter(([name]) => isHidden(parameters[name]));
  const filled = given.filter(([name]) => !isHidden(parameters[name]));
  const host = `${region}.${data.partitions[data.regions[region]].console}`;
  const address = () => {
    const query = [...fixed, ...filled.map(([name, value]) => [`param_${name}`, value])];
    const encoded = query.map(([name, value]) => `${name}=${encode(value)}`).join("&");
    return `https://${host}/cloudformation/home?region=${region}#/stacks/create/review?${encoded}`;
  };
  // The sign-in page's address has this one in it, encoded once more.
  while (encode(address()).length > data.longestAddress && filled.length) {
    const lengths = filled.map(([, value]) => encode(value).length);
    leftOut.push(...filled.splice(lengths.indexOf(Math.max(...lengths)), 1));
  }
  return { address: address(), leftOut: leftOut.map(([name]) => name) };
}

function isHidden({ NoEcho = false }) {
  return String(NoEcho) === "true";
}

/** The word as a POSIX shell reads it back. */
function quote(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}

function command() {
  const { size, namesRoles } = template();
  const line = ["aws", "cloudformation", "deploy"];
  if (where.get("region")) line.push("--region", where.get("region"));
  line.push("--stack-name", where.get("stackName"), "--template-file", `templates/${where.get("template")}`);
  if (namesRoles) line.push("--capabilities", "CAPABILITY_NAMED_IAM");
  if (size > data.largestFromFile) line.push("--s3-bucket", where.get("bucket"));
  const overrides = [];
  for (const [name, value] of values()) {
    if (value !== "" || template().parameters[name].Default !== "") overrides.push(`${name}=${value}`);
  }
  if (overrides.length) line.push("--parameter-overrides", ...overrides);
  return line.map(quote).join(" ");
}

function parameterFile() {
  const rows = [...values()].map(([ParameterKey, ParameterValue]) => {
    return `  {"ParameterKey": ${JSON.stringify(ParameterKey)}, "ParameterValue": ${JSON.stringify(ParameterValue)}}`;
  });
  return rows.length ? `[\n${rows.join(",\n")}\n]\n` : "[]\n";
}

function fileName() {
  return where.get("template").replace(/\.[^.]*$/, ".json");
}

// Loading a parameter file --------------------------------------------------------------------------------------------

/** Puts the file's values into the form, and says what it could not use; a file that is none changes nothing. */
function load(name, content) {
  const rows = parsed(content);
  if (typeof rows === "string") {
    report(true, [text("notLoaded", { file: name }), rows]);
    return;
  }
  const messages = [];
  const unknown = rows.filter(([key]) => !values().has(key));
  const known = rows.filter(([key]) => values().has(key));
  for (const [key, value] of known) values().set(key, value);
  const left = values().size - known.length;
  messages.push(text("loaded", { file: name, count: known.length }) + (left ? text("leftAsTheyWere", { count: left }) : ""));
  if (unknown.length) {
    const fits = Object.keys(data.templates).filter((one) => rows.every(([key]) => valuesOf.get(one).has(key)));
    if (fits.length) messages.push(text("fitsOther", { templates: fits.join(", ") }));
    for (const [key, value] of unknown) messages.push(text("unknownKey", { key, value }));
  }
  for (const key of values().keys()) visited.add(`p-${key}`);
  render();
  report(unknown.length > 0, messages);
}

/** The file's keys and values, or what is wrong with it. */
function parsed(content) {
  let rows;
  try {
    rows = JSON.parse(content.replace(/^\uFEFF/, ""));
  } catch (error) {
    return text("notJson", { error: error.message });
  }
  if (!Array.isArray(rows)) return text("noList");
  const found = new Map();
  for (const [index, row] of rows.entries()) {
    const key = row?.ParameterKey;
    const value = row?.ParameterValue;
    if (typeof key !== "string" || typeof value !== "string") return text("badRow", { row: index + 1 });
    if (found.has(key)) return text("twice", { key });
    found.set(key, value);
  }
  return [...found];
}

function report(bad, [first, ...rest]) {
  const target = element("report");
  target.className = bad ? "notice bad" : "notice";
  target.replaceChildren(first);
  if (rest.length) target.append(make("ul", {}, ...rest.map((message) => make("li", { text: message }))));
}

// The form ------------------------------------------------------------------------------------------------------------

/** A field: label, help, control, what is accepted, and what is wrong. */
function field({ id, name, parameter, label, help, hint, value, change }) {
  const ids = [`${id}-help`, `${id}-hint`, `${id}-error`].join(" ");
  const attributes = {
    id,
    "aria-describedby": ids,
    input: (event) => change(event.target.value),
    // A blank is not missing while the field is still to be filled in.
    blur: () => {
      visited.add(id);
      refresh();
    },
  };
  const control = choice(parameter, value, attributes) ?? writing(parameter, value, attributes);
  return make(
    "div",
    { class: "field" },
    setWordsOr(make("label", { for: id }), label),
    make("p", { class: "help", id: `${id}-help` }, setWordsOr(make("span"), help), ...(name ? [" ", code(name)] : [])),
    control,
    setWordsOr(make("p", { class: "hint", id: `${id}-hint` }), hint),
    make("p", { class: "error", id: `${id}-error` }),
  );
}

function code(name) {
  return make("code", { class: "name", text: name });
}

/** Template texts come as `{english}`, the page's own as plain strings. */
function setWordsOr(target, content) {
  if (typeof content === "object") return setWords(target, content.english);
  target.textContent = content;
  return target;
}

function choice(parameter, value, attributes) {
  if (!parameter.AllowedValues || isList(parameter)) return null;
  const allowed = parameter.AllowedValues.map(String);
  const control = make("select", attributes);
  // A value that is not offered is still shown, so that nothing is lost.
  if (!allowed.includes(value)) control.append(make("option", { value, text: value || text("choose") }));
  const groups = new Map();
  for (const one of allowed) {
    const partition = data.regions[one];
    const option = make("option", { value: one, text: optionText(attributes.id, one) });
    if (!partition) control.append(option);
    else {
      if (!groups.has(partition)) {
        groups.set(partition, make("optgroup", { label: partition }));
        control.append(groups.get(partition));
      }
      groups.get(partition).append(option);
    }
  }
  control.value = value;
  return control;
}

function optionText(id, value) {
  if (value !== "") return value;
  return text(id === "w-bucketRegion" ? "sameRegion" : "blank");
}

function writing(parameter, value, attributes) {
  const common = { ...attributes, spellcheck: "false", autocapitalize: "none", autocomplete: "off" };
  const long = parameter.Type === "String" && !isHidden(parameter) && (parameter.MaxLength ?? 4096) >= 1024;
  // Only a text area keeps line breaks.
  if (long || /[\r\n]/.test(value)) {
    const control = make("textarea", { ...common, rows: "5" });
    control.value = value;
    return control;
  }
  const number = parameter.Type === "Number";
  const type = isHidden(parameter) ? "password" : "text";
  const control = make("input", { ...common, type, inputmode: number ? "numeric" : null });
  control.value = value;
  return control;
}

/** Draws everything anew: for another template, another language or a loaded file. */
function render() {
  const focused = document.activeElement?.id;
  const opened = new Map([...document.querySelectorAll("details.group")].map((one) => [one.dataset.key, one.open]));
  rendered = false;
  document.documentElement.lang = language;
  document.title = text("title");
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = text(one.dataset.text);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", text(one.dataset.label));
  for (const one of ["en", "ja"]) element(`language-${one}`).setAttribute("aria-pressed", String(one === language));
  setWords(element("about"), template().description);
  element("where").replaceChildren(...Object.entries(whereFields()).map(whereField));
  element("groups").replaceChildren(...template().groups.map((group, index) => groupElement(group, index, opened)));
  element("picture-section").hidden = template().pipelines.length === 0;
  rendered = true;
  refresh();
  // What had the focus has been replaced.
  if (focused && focused !== document.activeElement?.id) element(focused)?.focus({ preventScroll: true });
}

function whereField([name, parameter]) {
  return field({
    id: `w-${name}`,
    parameter,
    label: text(`${name}Label`),
    help: text(`${name}Help`),
    // Of a choice, the choices say it.
    hint: parameter.AllowedValues ? "" : text(`${name}Hint`),
    value: where.get(name),
    change: (value) => {
      const before = archive();
      where.set(name, value);
      moveArchive(before, archive());
      if (name !== "template") return refresh();
      where.set("stackName", template().stackName);
      element("report").replaceChildren();
      visited.clear();
      return render();
    },
  });
}

/** Where the sample application's archive is, as the parameters ask for it: beside the templates. */
function archive() {
  const folder = where.get("prefix").split("/").filter(Boolean);
  return { bucket: where.get("bucket"), key: [...folder, data.archive.file].join("/") };
}

/** The archive moves with the folder, where nobody has typed another. */
function moveArchive(before, after) {
  for (const part of ["bucket", "key"]) {
    const name = data.archive[part];
    for (const given of valuesOf.values()) {
      if (given.get(name) === before[part]) given.set(name, after[part]);
    }
    const shown = element(`p-${name}`);
    if (shown) shown.value = values().get(name);
  }
}

function groupElement(group, index, opened) {
  const names = group.parameters;
  const title = setWords(make("h3", { id: `g-${index}` }), group.label);
  const fields = make("div", { class: "fields", role: "group", "aria-labelledby": `g-${index}` });
  for (const name of names) {
    const parameter = template().parameters[name];
    const change = (value) => {
      values().set(name, value);
      refresh();
    };
    const id = `p-${name}`;
    const { Label, Description = "", ConstraintDescription = "" } = parameter;
    const texts = { label: { english: Label }, help: { english: Description }, hint: { english: ConstraintDescription } };
    fields.append(field({ id, name, parameter, ...texts, value: values().get(name), change }));
  }
  const summary = make("summary", {}, title, make("span", { class: "count", id: `g-${index}-count` }));
  const details = make("details", { class: "group" }, summary, fields);
  details.dataset.key = `${where.get("template")} ${index}`;
  // In a long form, what is filled in already starts folded.
  const short = Object.keys(template().parameters).length <= 40;
  const settled = names.every((name) => !problem(template().parameters[name], values().get(name)));
  details.open = opened.get(details.dataset.key) ?? (short || !settled);
  return details;
}

// Keeping all of it up to date ----------------------------------------------------------------------------------------

/** Changes a text only if it differs: a live region would say it again. */
function say(id, content) {
  if (element(id).textContent !== content) element(id).textContent = content;
}

/** What is wrong with each field: its id, its label, the message, and whether it is merely blank still. */
function findings() {
  const found = new Map();
  for (const [name, parameter] of Object.entries(whereFields())) {
    const message = whereProblem(name, parameter);
    const missing = where.get(name) === "";
    if (message) found.set(`w-${name}`, { label: text(`${name}Label`), messages: [[message, language]], missing });
  }
  const problems = new Map();
  for (const name of template().groups.flatMap((group) => group.parameters)) {
    const parameter = template().parameters[name];
    const reason = problem(parameter, values().get(name));
    problems.set(name, reason);
    if (!reason) continue;
    const messages = [[text(reason.key, reason), language]];
    if (parameter.ConstraintDescription) messages.push(words(parameter.ConstraintDescription));
    found.set(`p-${name}`, { label: words(parameter.Label)[0], messages, missing: reason.key === "missing" });
  }
  const general = [];
  for (const { names, description } of brokenRules(problems)) {
    const concerned = names.filter((name) => name in template().parameters);
    if (!concerned.length) general.push(words(description));
    for (const name of concerned) {
      const label = words(template().parameters[name].Label)[0];
      if (!found.has(`p-${name}`)) found.set(`p-${name}`, { label, messages: [], missing: false });
      found.get(`p-${name}`).messages.push(words(description));
    }
  }
  return { found, general };
}

function refresh() {
  if (!rendered) return;
  const { found, general } = findings();
  for (const one of document.querySelectorAll(".field")) {
    const control = one.querySelector("input, select, textarea");
    showProblem(control, found.get(control.id));
  }
  for (const [index, group] of template().groups.entries()) {
    const here = group.parameters.map((name) => found.get(`p-${name}`)).filter(Boolean);
    const missing = here.filter((one) => one.missing).length;
    const wrong = here.length - missing;
    const counts = [missing ? text("missingCount", { count: missing }) : "", wrong ? text("wrongCount", { count: wrong }) : ""];
    const target = element(`g-${index}-count`);
    target.textContent = counts.filter(Boolean).join(" ");
    target.classList.toggle("bad", wrong > 0);
  }
  showOutcome(found, general);
  drawPicture();
}

function shown(id, finding) {
  return finding && (!finding.missing || visited.has(id));
}

function showProblem(control, finding) {
  const visible = shown(control.id, finding);
  control.setAttribute("aria-invalid", String(Boolean(visible)));
  const error = element(`${control.id}-error`);
  const messages = visible ? finding.messages : [];
  const parts = messages.flatMap(([content, lang]) => [make("span", { lang, text: content }), " "]);
  if (error.textContent !== messages.map(([content]) => `${content} `).join("")) error.replaceChildren(...parts);
  // The message repeats what is accepted.
  element(`${control.id}-hint`).hidden = Boolean(visible) || !element(`${control.id}-hint`).textContent;
}

function showOutcome(found, general) {
  const missing = [...found.values()].filter((one) => one.missing).length;
  const wrong = found.size - missing + general.length;
  const ready = missing + wrong === 0;
  const counts = [missing ? text("missingCount", { count: missing }) : "", wrong ? text("wrongCount", { count: wrong }) : ""];
  say("status", ready ? text("ready") : `${text("notReady")} ${counts.filter(Boolean).join(" ")}`);
  element("status").classList.toggle("good", ready);
  const entries = [...found].filter(([id, finding]) => shown(id, finding)).map(([id, { label, messages }]) => {
    const go = (event) => {
      event.preventDefault();
      focus(id);
    };
    const link = make("a", { href: `#${id}`, text: label, click: go });
    return make("li", {}, link, " \u2013 ", ...messages.flatMap(([content, lang]) => [make("span", { lang, text: content }), " "]));
  });
  for (const [content, lang] of general) entries.push(make("li", { lang, text: content }));
  showProblems(entries);
  const link = element("launch");
  const notes = [];
  if (ready) {
    const { address, leftOut } = launch();
    link.href = address;
    for (const name of leftOut) notes.push(text("leftOut", { name }));
    for (const [name, value] of values()) {
      if (value === "" && template().parameters[name].Default) notes.push(text("blankThere", { name }));
    }
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    link.removeAttribute("aria-disabled");
  } else {
    link.removeAttribute("href");
    link.setAttribute("aria-disabled", "true");
  }
  element("notes").replaceChildren(...notes.map((note) => make("li", { text: note })));
  element("copy-link").hidden = !ready;
  element("first-problem").hidden = found.size === 0;
  element("command").value = command();
  element("file").value = parameterFile();
}

/** Lists the problems; an entry that stays is not touched, because it may be the one that gets the focus. */
function showProblems(entries) {
  const list = element("problems");
  const before = new Map([...list.children].map((one) => [one.textContent, one]));
  const wanted = entries.map((one) => before.get(one.textContent) ?? one);
  for (const one of [...list.children]) if (!wanted.includes(one)) one.remove();
  wanted.forEach((one, index) => {
    if (list.children[index] !== one) list.insertBefore(one, list.children[index] ?? null);
  });
}

/** Shows every problem, and moves to the first of them. */
function goToFirstProblem() {
  const { found } = findings();
  for (const id of found.keys()) visited.add(id);
  refresh();
  const [first] = found.keys();
  if (first) focus(first);
}

function focus(id) {
  const control = element(id);
  const details = control.closest("details");
  if (details) details.open = true;
  control.focus();
  control.scrollIntoView({ block: "center" });
}

// The picture ---------------------------------------------------------------------------------------------------------

/** The text with its parameters' values in it, or "" as long as one of them is blank. */
function filled(pattern) {
  let complete = true;
  const content = pattern.replace(/\$\{([^}]+)\}/g, (_, name) => {
    const value = values().get(name) ?? pseudoParameters()[name] ?? name.replace("AWS::", "");
    complete &&= value !== "";
    return value;
  });
  return complete ? content : "";
}

function lanes() {
  return template().pipelines.map(({ environment, name, steps }) => ({
    environment,
    name: filled(name),
    steps: steps.map((step) => ({
      kind: step.kind,
      title: step.kind === "other" ? step.name : text(`step_${step.kind}`),
      values: step.values.map(filled),
    })),
  }));
}

const LANE = { least: 126, most: 300, gap: 12, top: 44 };
const BOX = { top: 20, line: 16, bottom: 8, gap: 18, margin: 6, lines: 3 };

const measure = document.createElement("canvas").getContext("2d");

function drawPicture() {
  const drawn = lanes();
  const width = element("picture").clientWidth;
  if (!drawn.length || !width) return;
  const columns = Math.max(1, Math.min(drawn.length, Math.floor((width + LANE.gap) / (LANE.least + LANE.gap))));
  const laneWidth = Math.min(LANE.most, (width - LANE.gap * (columns - 1)) / columns);
  const margin = (width - columns * laneWidth - (columns - 1) * LANE.gap) / 2;
  const picture = svg("svg", { role: "img", "aria-labelledby": "picture-title picture-description" });
  picture.append(
    svg("title", { id: "picture-title" }, text("pictureTitle")),
    svg("desc", { id: "picture-description" }, drawn.map(laneInWords).join(" ")),
  );
  let bottom = 0;
  for (let first = 0; first < drawn.length; first += columns) {
    const top = bottom;
    drawn.slice(first, first + columns).forEach((lane, index) => {
      const left = margin + index * (laneWidth + LANE.gap);
      bottom = Math.max(bottom, drawLane(picture, lane, left, top, laneWidth));
    });
  }
  picture.setAttribute("viewBox", `0 0 ${width} ${bottom}`);
  element("picture").replaceChildren(picture);
  element("picture-words").replaceChildren(...drawn.map(laneList));
}

/** Draws the steps of one pipeline below each other; returns where the next row of pipelines may begin. */
function drawLane(picture, lane, left, top, width) {
  const middle = left + width / 2;
  const write = (content, style, y) => {
    picture.append(svg("text", { class: style, x: middle, y, "text-anchor": "middle" }, content));
  };
  write(lane.environment || text("pipeline"), "lane", top + 16);
  write(wrap(lane.name || text("stillBlank"), width, 1)[0], "lane-name", top + 34);
  let y = top + LANE.top;
  lane.steps.forEach((step, index) => {
    const lines = step.values.flatMap((value) => {
      const style = value ? "value" : "value empty";
      return wrap(value || text("stillBlank"), width, BOX.lines).map((content) => ({ content, style }));
    });
    const height = BOX.top + lines.length * BOX.line + BOX.bottom;
    if (index) {
      picture.append(
        svg("path", { class: "arrow", d: `M${middle} ${y - BOX.gap}V${y - 7}` }),
        svg("path", { class: "head", d: `M${middle - 5} ${y - 9}h10l-5 7z` }),
      );
    }
    const style = `box ${step.kind}${step.values.includes("") ? " empty" : ""}`;
    picture.append(svg("rect", { class: style, x: left + 1, y, width: width - 2, height, rx: 6 }));
    write(step.title, "step-title", y + 16);
    lines.forEach(({ content, style: lineStyle }, line) => write(content, lineStyle, y + BOX.top + 12 + line * BOX.line));
    y += height + BOX.gap;
  });
  return y;
}

/** The text in lines that fit, broken after a separator where there is one; what is too much ends in an ellipsis. */
function wrap(content, width, most) {
  measure.font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
  const fits = (line) => measure.measureText(line).width <= width - 2 * BOX.margin;
  const lines = [];
  let rest = [...content.replace(/\s+/g, " ")];
  while (rest.length && lines.length < most) {
    let count = rest.length;
    while (count > 1 && !fits(rest.slice(0, count).join(""))) count -= 1;
    if (count < rest.length && lines.length + 1 === most) {
      lines.push(`${rest.slice(0, count - 1).join("")}…`);
      break;
    }
    const separator = count < rest.length ? rest.slice(0, count).findLastIndex((one) => "-/_. ".includes(one)) : -1;
    if (separator > 0) count = separator + 1;
    lines.push(rest.slice(0, count).join(""));
    rest = rest.slice(count);
  }
  return lines;
}

function svg(tag, attributes, content = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = content;
  return made;
}

function stepInWords({ title, values: named }) {
  return named.length ? `${title}: ${named.map((value) => value || text("stillBlank")).join(", ")}` : title;
}

function laneTitle({ environment, name }) {
  return [environment || text("pipeline"), name || text("stillBlank")].join(": ");
}

function laneInWords(lane) {
  return `${laneTitle(lane)}. ${lane.steps.map(stepInWords).join("; ")}.`;
}

function laneList(lane) {
  const steps = lane.steps.map((step) => make("li", { text: stepInWords(step) }));
  return make("div", {}, make("strong", { text: laneTitle(lane) }), make("ol", {}, ...steps));
}

// Buttons -------------------------------------------------------------------------------------------------------------

async function copy(content, fallback) {
  try {
    await navigator.clipboard.writeText(content);
  } catch {
    // A browser that keeps the clipboard from a file still copies a selection.
    fallback?.select();
    if (!fallback || !document.execCommand("copy")) return announce(text("notCopied"));
  }
  return announce(text("copied"));
}

function announce(content) {
  say("announcement", "");
  setTimeout(() => say("announcement", content), 50);
}

function save() {
  const address = URL.createObjectURL(new Blob([parameterFile()], { type: "application/json" }));
  make("a", { href: address, download: fileName() }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

async function loadChosen(event) {
  const [file] = event.target.files;
  if (!file) return;
  let content;
  try {
    content = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    report(true, [text("notLoaded", { file: file.name }), text("notUtf8")]);
    return;
  } finally {
    // So that the same file can be chosen again.
    event.target.value = "";
  }
  load(file.name, content);
}

function setLanguage(chosen) {
  language = chosen;
  // Its words are in the other language.
  element("report").replaceChildren();
  render();
}

element("language-en").addEventListener("click", () => setLanguage("en"));
element("language-ja").addEventListener("click", () => setLanguage("ja"));
element("load").addEventListener("click", () => element("load-file").click());
element("load-file").addEventListener("change", loadChosen);
element("save").addEventListener("click", save);
element("copy-link").addEventListener("click", () => copy(launch().address, null));
element("copy-command").addEventListener("click", () => copy(command(), element("command")));
element("copy-file").addEventListener("click", () => copy(parameterFile(), element("file")));
element("first-problem").addEventListener("click", goToFirstProblem);
element("form").addEventListener("submit", (event) => event.preventDefault());
for (const kind of ["click", "keydown"]) {
  element("launch").addEventListener(kind, (event) => {
    if (element("launch").hasAttribute("href") || (kind === "keydown" && event.key !== "Enter")) return;
    event.preventDefault();
    goToFirstProblem();
  });
}
new ResizeObserver(() => drawPicture()).observe(element("picture"));

if (navigator.language.toLowerCase().startsWith("ja")) language = "ja";
render();
