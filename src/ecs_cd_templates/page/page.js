// @ts-check
"use strict";

/**
 * A text, and the language that it is in.
 * @typedef {[content: string, language: string]} Words
 */

/**
 * One parameter as its template has it, but for its words: they are indexes into the data's texts.
 * @typedef {object} Parameter
 * @property {string} Type
 * @property {string | number} [Default]
 * @property {(string | number)[]} [AllowedValues]
 * @property {string} [AllowedPattern]
 * @property {number} [MinLength]
 * @property {number} [MaxLength]
 * @property {number} [MinValue]
 * @property {number} [MaxValue]
 */

/**
 * A parameter that the form asks for.
 * @typedef {Parameter & ParameterWords} Asked
 */

/**
 * @typedef {object} ParameterWords
 * @property {number} Label
 * @property {number} [Description]
 * @property {number} [ConstraintDescription]
 */

/** @typedef {string | number | boolean | null | RuleNode[] | { [name: string]: RuleNode }} RuleNode */

/**
 * @typedef {object} Rule
 * @property {RuleNode} [RuleCondition]
 * @property {Assertion[]} Assertions
 */

/**
 * @typedef {object} Assertion
 * @property {RuleNode} Assert
 * @property {number} AssertDescription
 */

/**
 * One pipeline of the picture; in its name and its steps' values `${Name}` stands for the value of a parameter.
 * @typedef {object} Pipeline
 * @property {number | null} environment
 * @property {string} name
 * @property {Action[]} steps
 */

/**
 * @typedef {object} Action
 * @property {string} kind
 * @property {number} title
 * @property {string[]} values
 */

/**
 * A pipeline as it is drawn.
 * @typedef {object} Lane
 * @property {string} environment
 * @property {string} name
 * @property {Step[]} steps
 */

/**
 * @typedef {object} Step
 * @property {string} kind
 * @property {string} title
 * @property {string[]} values
 */

/**
 * @typedef {object} Form
 * @property {number} description
 * @property {string} stackName
 * @property {number} size
 * @property {boolean} namesRoles
 * @property {Group[]} groups
 * @property {Record<string, Asked>} parameters
 * @property {Record<string, string>} values
 * @property {Rule[]} rules
 * @property {string[]} regions
 * @property {Pipeline[]} pipelines
 */

/**
 * @typedef {object} Group
 * @property {number} label
 * @property {string[]} parameters
 */

/** @typedef {"template" | "stackName" | "region" | "bucketRegion" | "bucket" | "prefix"} WhereName */

/**
 * @typedef {object} Language
 * @property {string} code
 * @property {string} name
 */

/**
 * @typedef {object} Partition
 * @property {string} suffix
 * @property {string} console
 */

/**
 * What the page is made from. The templates are written in the first of the languages; a sentence that has no
 * translation is in the other languages' texts as it is in the first.
 * @typedef {object} Data
 * @property {Language[]} languages
 * @property {Record<string, Record<string, string>>} strings
 * @property {Record<string, string[]>} texts
 * @property {Record<string, Form>} templates
 * @property {Record<string, string>} regions
 * @property {Record<string, Partition>} partitions
 * @property {Record<WhereName, string>} where
 * @property {boolean} usualSettings
 * @property {boolean} nested
 * @property {[string, string][]} tags
 * @property {string} account
 * @property {string} folder
 * @property {string} templatesFolder
 * @property {number} largestFromFile
 * @property {number} longestAddress
 * @property {Record<string, string>} idPrefixes
 */

/**
 * Why a value is not accepted: the key of a text, and what fills it.
 * @typedef {Record<string, string | number> & HasKey} Reason
 */

/**
 * @typedef {object} HasKey
 * @property {string} key
 */

/**
 * What is wrong with a field; `missing` while it is merely blank.
 * @typedef {object} Finding
 * @property {string} label
 * @property {Words[]} messages
 * @property {boolean} missing
 */

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */

/** @typedef {Record<string, string | number | null | ((event: Event) => void)>} Properties */

// What the page knows: the templates' forms, the regions, and the words of every language.
/** @type {Data} */
const data = JSON.parse(element("data").textContent);

// What people typed. The controls show it, but a control may change a line break, so they are never read back.
const where = { ...data.where };
const valuesOf = new Map(Object.entries(data.templates).map(([name, form]) => [name, atFirst(form)]));

// Fields that may say that they are blank; before that, a blank form would be a wall of errors.
/** @type {Set<string>} */
const visited = new Set();

let language = preferred();
let rendered = false;

// What is still to be said, or taken back.
/** @type {ReturnType<typeof setTimeout> | undefined} */
let saying;

/**
 * The values that a form begins with.
 * @param {Form} form
 */
function atFirst({ parameters, values: given }) {
  const first = Object.entries(parameters).map(([name, { Default = "" }]) => [name, given[name] ?? String(Default)]);
  return new Map(/** @type {[string, string][]} */ (first));
}

/**
 * The element that has this ID.
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {string} id
 * @param {new () => Kind} [kind]
 * @returns {Kind}
 */
function element(id, kind = /** @type {new () => Kind} */ (HTMLElement)) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`no such element: ${id}`);
  return found;
}

/**
 * A new element; `properties` that are functions are listeners, `text` is its text, the rest are attributes.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties} [properties]
 * @param {...(Node | string)} children
 */
function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (name === "text") made.textContent = String(value);
    else if (value !== null) made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}

function template() {
  return data.templates[where.template];
}

function values() {
  return /** @type {Map<string, string>} */ (valuesOf.get(where.template));
}

/** @param {string} name */
function typed(name) {
  return values().get(name) ?? "";
}

// Words ---------------------------------------------------------------------------------------------------------------

/** The first of the browser's languages that the page has. */
function preferred() {
  for (const tag of navigator.languages) {
    const found = data.languages.find(({ code }) => `${tag}-`.toLowerCase().startsWith(`${code}-`.toLowerCase()));
    if (found) return found.code;
  }
  return data.languages[0].code;
}

/**
 * A text of the page's own, with what `{name}` in it stands for.
 * @param {string} key
 * @param {Record<string, string | number>} [fill]
 */
function text(key, fill = {}) {
  return data.strings[language][key].replace(/\{(\w+)\}/g, (_, name) => String(fill[name]));
}

/**
 * What the page itself says.
 * @param {string} content
 * @returns {Words}
 */
function own(content) {
  return [content, language];
}

/**
 * What a template says: in its own language where there is no translation.
 * @param {number} index
 * @returns {Words}
 */
function words(index) {
  const [{ code }] = data.languages;
  const content = data.texts[language][index];
  return [content, content === data.texts[code][index] ? code : language];
}

/**
 * @template {HTMLElement} Target
 * @param {Target} target
 * @param {Words} words
 */
function setWords(target, [content, lang]) {
  target.textContent = content;
  target.lang = lang;
  return target;
}

/** @param {Words[]} messages */
function spans(messages) {
  return messages.flatMap(([content, lang]) => [make("span", { lang, text: content }), " "]);
}

// What CloudFormation accepts -----------------------------------------------------------------------------------------

// Of any parameter's value.
const MOST_BYTES = 4096;

/**
 * Whether the value has more characters than any may have bytes: no command or file can be of use with it.
 * @param {string} value
 */
function tooLong(value) {
  return value.length > MOST_BYTES;
}

/**
 * Why the value is not accepted, or null.
 * @param {Parameter} parameter
 * @param {string} value
 * @returns {Reason | null}
 */
function problem(parameter, value) {
  if (/\p{Cs}/u.test(value)) return { key: "notUnicode" };
  if (new TextEncoder().encode(value).length > MOST_BYTES) return { key: "tooManyBytes" };
  const reason = constraintProblem(parameter, value);
  return reason && value === "" ? { key: "missing" } : reason;
}

/**
 * @param {Parameter} parameter
 * @param {string} value
 * @returns {Reason | null}
 */
function constraintProblem(parameter, value) {
  const { Type, AllowedValues, AllowedPattern, MinLength = 0, MaxLength = 4096, MinValue, MaxValue } = parameter;
  if (AllowedValues && !AllowedValues.map(String).includes(value)) return { key: "notAllowed" };
  if (AllowedPattern && !new RegExp(`^(?:${AllowedPattern})$`, "u").test(value)) return { key: "noMatch" };
  if (Type === "Number") {
    if (!/^-?[0-9]+$/.test(value)) return { key: "noNumber" };
    const number = BigInt(value);
    if (MinValue !== undefined && number < BigInt(MinValue)) return { key: "tooSmall", least: MinValue };
    if (MaxValue !== undefined && number > BigInt(MaxValue)) return { key: "tooLarge", most: MaxValue };
    return null;
  }
  // A resource of the account cannot be a blank; its name is what CloudFormation looks up.
  if (Type.includes("AWS::") && value === "") return { key: "noMatch" };
  const prefix = data.idPrefixes[Type];
  if (prefix && !new RegExp(`^${prefix}-[0-9a-f]+$`).test(value)) return { key: "noId", prefix };
  const length = [...value].length;
  if (length < MinLength) return { key: "tooShort", least: MinLength, length };
  if (length > MaxLength) return { key: "tooLong", most: MaxLength, length };
  return null;
}

/**
 * The value of a node of a rule, or undefined where it cannot be said: only AWS knows it, or this page does not know
 * the function.
 * @param {RuleNode} node
 * @returns {string | number | boolean | null | undefined}
 */
function evaluate(node) {
  if (node === null || typeof node !== "object") return node;
  const [[name, argument]] = Object.entries(node);
  if (name === "Ref") return reference(String(argument));
  if (!Array.isArray(argument)) return undefined;
  const parts = argument.map(evaluate);
  if (name === "Fn::And") return every(parts);
  if (name === "Fn::Or") return not(every(parts.map(not)));
  if (name === "Fn::Not") return not(parts[0]);
  if (name === "Fn::Equals") return parts.includes(undefined) ? undefined : String(parts[0]) === String(parts[1]);
  return undefined;
}

/**
 * Whether all hold: one that does not decides it, whatever the others are.
 * @param {unknown[]} parts
 */
function every(parts) {
  if (parts.includes(false)) return false;
  return parts.every((part) => part === true) ? true : undefined;
}

/** @param {unknown} truth */
function not(truth) {
  return typeof truth === "boolean" ? !truth : undefined;
}

/** @param {string} name */
function reference(name) {
  return values().get(name) ?? pseudoParameters()[name];
}

/** @returns {Record<string, string | undefined>} */
function pseudoParameters() {
  const partition = data.regions[where.region];
  return {
    "AWS::Region": where.region || undefined,
    "AWS::Partition": partition,
    "AWS::URLSuffix": data.partitions[partition]?.suffix,
    "AWS::StackName": where.stackName || undefined,
  };
}

/**
 * The names of the parameters in a node of a rule.
 * @param {RuleNode} node
 * @returns {string[]}
 */
function references(node) {
  if (node === null || typeof node !== "object") return [];
  if (!Array.isArray(node) && typeof node.Ref === "string") return [node.Ref];
  return Object.values(node).flatMap(references);
}

/**
 * The assertions that do not hold, each with the parameters that it is about.
 * @param {Map<string, Reason | null>} problems
 */
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

/**
 * The fields of the page's own, in the shape of a template's parameters.
 * @returns {Record<WhereName, Parameter>}
 */
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

function whereEntries() {
  return /** @type {[WhereName, Parameter][]} */ (Object.entries(whereFields()));
}

/**
 * @param {WhereName} name
 * @param {Parameter} parameter
 */
function whereProblem(name, parameter) {
  const found = problem(parameter, where[name]);
  if (found?.key === "missing") return text(`${name}Missing`);
  if (found) return text(`${name}Hint`);
  const { region, bucketRegion } = where;
  if (name === "bucketRegion" && region && bucketRegion && data.regions[region] !== data.regions[bucketRegion]) {
    return text("otherPartition");
  }
  return null;
}

// What comes of it ----------------------------------------------------------------------------------------------------

/**
 * Percent-encoded but for letters, digits and -._~ : encodeURIComponent leaves some more as they are.
 * @param {string} value
 */
function encode(value) {
  return encodeURIComponent(value).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The folder's name without slashes at its ends or twice. */
function folderParts() {
  return where.prefix.split("/").filter(Boolean);
}

function folderUrl() {
  const region = where.bucketRegion || where.region || "REGION";
  const { suffix } = data.partitions[data.regions[region] ?? "aws"];
  return [`https://${where.bucket}.s3.${region}.${suffix}`, ...folderParts().map(encode)].join("/");
}

function templateUrl() {
  return `${folderUrl()}/${encode(where.template)}`;
}

/** The address of the console's form, and the parameters that it leaves for people to type there. */
function launch() {
  const { region, stackName } = where;
  const { parameters } = template();
  // Blank is what the form shows anyway, unless the template has a default.
  const given = [...values()].filter(([name, value]) => value !== "" || parameters[name].Default);
  const leftOut = [];
  const host = `${region}.${data.partitions[data.regions[region]].console}`;
  const address = () => {
    const parts = given.map(([name, value]) => [`param_${name}`, value]);
    const query = [["templateURL", templateUrl()], ["stackName", stackName], ...parts];
    const encoded = query.map(([name, value]) => `${name}=${encode(value)}`).join("&");
    return `https://${host}/cloudformation/home?region=${region}#/stacks/create/review?${encoded}`;
  };
  // The sign-in page's address has this one in it, encoded once more.
  while (encode(address()).length > data.longestAddress && given.length) {
    const lengths = given.map(([, value]) => encode(value).length);
    const [[name]] = given.splice(lengths.indexOf(Math.max(...lengths)), 1);
    leftOut.push(name);
  }
  return { address: address(), leftOut };
}

/**
 * The word as a POSIX shell reads it back.
 * @param {string} word
 */
function quote(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}

/** The command; none for a template that has to be read from the folder, as long as nobody knows where that is. */
function command() {
  const { size, namesRoles, parameters } = template();
  const large = size > data.largestFromFile;
  if (large && !where.bucketRegion && !where.region) return "";
  const line = ["aws", "cloudformation", large ? "create-stack" : "deploy"];
  if (where.region) line.push("--region", where.region);
  line.push("--stack-name", where.stackName);
  line.push(...(large ? ["--template-url", templateUrl()] : ["--template-file", `${data.templatesFolder}/${where.template}`]));
  if (namesRoles) line.push("--capabilities", "CAPABILITY_NAMED_IAM");
  const tags = large
    ? [JSON.stringify(data.tags.map(([Key, Value]) => ({ Key, Value })))]
    : data.tags.map((pair) => pair.join("="));
  if (data.tags.length) line.push("--tags", ...tags);
  const given = [...values()].filter(([name, value]) => value !== "" || parameters[name].Default !== "");
  const rows = given.map(([ParameterKey, ParameterValue]) => ({ ParameterKey, ParameterValue }));
  if (given.length && large) line.push("--parameters", JSON.stringify(rows));
  if (given.length && !large) line.push("--parameter-overrides", ...given.map((pair) => pair.join("=")));
  return line.map(quote).join(" ");
}

/** What to know about the command, which reads a rendering of one's own. */
function commandNote() {
  // A large template is launched from where it was published.
  if (template().size > data.largestFromFile) return "";
  if (data.folder) return text("renderFolder", { folder: data.folder });
  if (data.nested) return text("renderNested", { url: folderUrl() });
  return data.usualSettings ? "" : text("renderSame");
}

function parameterFile() {
  const rows = [...values()].map(([ParameterKey, ParameterValue]) => {
    return `  {"ParameterKey": ${JSON.stringify(ParameterKey)}, "ParameterValue": ${JSON.stringify(ParameterValue)}}`;
  });
  return rows.length ? `[\n${rows.join(",\n")}\n]\n` : "[]\n";
}

function fileName() {
  return where.template.replace(/\.[^.]*$/, ".json");
}

// Loading a parameter file --------------------------------------------------------------------------------------------

/**
 * Puts the file's values into the form, and says what it could not use; a file that is none changes nothing.
 * @param {string} name
 * @param {string} content
 */
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
  const kept = left ? text("leftAsTheyWere", { count: left }) : "";
  messages.push(`${text("loaded", { file: name, count: known.length })}${kept}`);
  if (unknown.length) {
    const fits = Object.keys(data.templates).filter((one) => rows.every(([key]) => valuesOf.get(one)?.has(key)));
    if (fits.length) messages.push(text("fitsOther", { templates: fits.join(", ") }));
    for (const [key, value] of unknown) messages.push(text("unknownKey", { key, value }));
  }
  for (const key of values().keys()) visited.add(`p-${key}`);
  render();
  report(unknown.length > 0, messages);
}

/**
 * The file's keys and values, or what is wrong with it.
 * @param {string} content
 * @returns {[key: string, value: string][] | string}
 */
function parsed(content) {
  let rows;
  try {
    rows = JSON.parse(content.replace(/^\uFEFF/, ""));
  } catch (error) {
    return text("notJson", { error: /** @type {Error} */ (error).message });
  }
  if (!Array.isArray(rows)) return text("noList");
  /** @type {Map<string, string>} */
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

/**
 * @param {boolean} bad
 * @param {string[]} messages
 */
function report(bad, [first, ...rest]) {
  const target = element("report");
  target.className = bad ? "notice bad" : "notice";
  target.replaceChildren(first);
  if (rest.length) target.append(make("ul", {}, ...rest.map((message) => make("li", { text: message }))));
}

// The form ------------------------------------------------------------------------------------------------------------

/**
 * A field: label, help, control, what is accepted, and what is wrong.
 * @param {object} properties
 * @param {string} properties.id
 * @param {string} [properties.name]
 * @param {Parameter} properties.parameter
 * @param {Words} properties.label
 * @param {Words} properties.help
 * @param {Words} properties.hint
 * @param {string} properties.value
 * @param {(value: string) => void} properties.change
 */
function field({ id, name, parameter, label, help, hint, value, change }) {
  const ids = [`${id}-help`, `${id}-hint`, `${id}-error`].join(" ");
  /** @type {Properties} */
  const attributes = {
    id,
    "aria-describedby": ids,
    input: ({ target }) => {
      unsay();
      change(/** @type {Control} */ (target).value);
    },
    // A blank is not missing while the field is still to be filled in.
    blur: () => {
      visited.add(id);
      refresh();
    },
  };
  const control = choice(parameter, value, attributes) ?? writing(parameter, value, attributes);
  const nameToo = name ? [" ", make("code", { class: "name", text: name })] : [];
  return make(
    "div",
    { class: "field" },
    setWords(make("label", { for: id }), label),
    make("p", { class: "help", id: `${id}-help` }, setWords(make("span"), help), ...nameToo),
    control,
    setWords(make("p", { class: "hint", id: `${id}-hint` }), hint),
    make("p", { class: "error", id: `${id}-error` }),
  );
}

/**
 * A list to choose from, or null for a parameter that takes more than that.
 * @param {Parameter} parameter
 * @param {string} value
 * @param {Properties} attributes
 */
function choice(parameter, value, attributes) {
  if (!parameter.AllowedValues) return null;
  const allowed = parameter.AllowedValues.map(String);
  const blank = text(attributes.id === "w-bucketRegion" ? "sameRegion" : "blank");
  const control = make("select", attributes);
  // A value that is not offered is still shown, so that nothing is lost.
  if (!allowed.includes(value)) control.append(make("option", { value, text: value || text("choose") }));
  /** @type {Map<string, HTMLElement>} */
  const groups = new Map();
  for (const one of allowed) {
    const partition = data.regions[one];
    const option = make("option", { value: one, text: one || blank });
    if (!partition) {
      control.append(option);
      continue;
    }
    const group = groups.get(partition) ?? make("optgroup", { label: partition });
    if (!groups.has(partition)) control.append(group);
    groups.set(partition, group);
    group.append(option);
  }
  control.value = value;
  return control;
}

/**
 * @param {Parameter} parameter
 * @param {string} value
 * @param {Properties} attributes
 */
function writing(parameter, value, attributes) {
  const common = { ...attributes, spellcheck: "false", autocapitalize: "none", autocomplete: "off" };
  const long = parameter.Type === "String" && (parameter.MaxLength ?? 4096) >= 1024;
  // Only a text area keeps line breaks.
  const control =
    long || /[\r\n]/.test(value)
      ? make("textarea", { ...common, rows: "5" })
      : make("input", { ...common, type: "text", inputmode: parameter.Type === "Number" ? "numeric" : null });
  control.value = value;
  return control;
}

/** Draws everything anew: for another template, another language or a loaded file. */
function render() {
  const focused = document.activeElement?.id ?? "";
  const before = /** @type {HTMLDetailsElement[]} */ ([...document.querySelectorAll("details.group")]);
  const opened = new Map(before.map((one) => [one.dataset.key, one.open]));
  rendered = false;
  unsay();
  document.documentElement.lang = language;
  document.title = text("title");
  for (const one of document.querySelectorAll("[data-text]")) {
    one.textContent = text(String(one.getAttribute("data-text")));
  }
  for (const one of document.querySelectorAll("[data-label]")) {
    one.setAttribute("aria-label", text(String(one.getAttribute("data-label"))));
  }
  for (const { code } of data.languages) {
    element(`language-${code}`).setAttribute("aria-pressed", String(code === language));
  }
  setWords(element("about"), words(template().description));
  element("where").replaceChildren(...whereEntries().map(whereField));
  element("groups").replaceChildren(...template().groups.map((group, index) => groupElement(group, index, opened)));
  element("picture-section").hidden = template().pipelines.length === 0;
  rendered = true;
  refresh();
  // What had the focus has been replaced.
  if (focused !== document.activeElement?.id) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** @param {[WhereName, Parameter]} entry */
function whereField([name, parameter]) {
  return field({
    id: `w-${name}`,
    parameter,
    label: own(text(`${name}Label`)),
    help: own(text(`${name}Help`)),
    // Of a choice, the choices say it.
    hint: own(parameter.AllowedValues ? "" : text(`${name}Hint`)),
    value: where[name],
    change: (value) => {
      where[name] = value;
      if (name !== "template") return refresh();
      where.stackName = template().stackName;
      element("report").replaceChildren();
      visited.clear();
      return render();
    },
  });
}

/**
 * @param {Group} group
 * @param {number} index
 * @param {Map<string | undefined, boolean>} opened
 */
function groupElement(group, index, opened) {
  const names = group.parameters;
  const title = setWords(make("h3", { id: `g-${index}` }), words(group.label));
  const fields = make("div", { class: "fields", role: "group", "aria-labelledby": `g-${index}` });
  for (const name of names) {
    const parameter = template().parameters[name];
    const { Label, Description, ConstraintDescription } = parameter;
    fields.append(
      field({
        id: `p-${name}`,
        name,
        parameter,
        label: words(Label),
        help: Description === undefined ? own("") : words(Description),
        hint: ConstraintDescription === undefined ? own("") : words(ConstraintDescription),
        value: typed(name),
        change: (value) => {
          values().set(name, value);
          refresh();
        },
      }),
    );
  }
  const summary = make("summary", {}, title, make("span", { class: "count", id: `g-${index}-count` }));
  const details = make("details", { class: "group" }, summary, fields);
  details.dataset.key = `${where.template} ${index}`;
  // In a long form, what is filled in already starts folded.
  const short = Object.keys(template().parameters).length <= 40;
  const settled = names.every((name) => !problem(template().parameters[name], typed(name)));
  details.open = opened.get(details.dataset.key) ?? (short || !settled);
  return details;
}

// Keeping all of it up to date ----------------------------------------------------------------------------------------

/**
 * Changes a text only if it differs: a live region would say it again.
 * @param {string} id
 * @param {string} content
 */
function say(id, content) {
  if (element(id).textContent !== content) element(id).textContent = content;
}

/** What is wrong with each field: its id, its label, the message, and whether it is merely blank still. */
function findings() {
  /** @type {Map<string, Finding>} */
  const found = new Map();
  for (const [name, parameter] of whereEntries()) {
    const message = whereProblem(name, parameter);
    const missing = where[name] === "";
    if (message) found.set(`w-${name}`, { label: text(`${name}Label`), messages: [own(message)], missing });
  }
  const problems = new Map();
  for (const name of template().groups.flatMap((group) => group.parameters)) {
    const parameter = template().parameters[name];
    const reason = problem(parameter, typed(name));
    problems.set(name, reason);
    if (!reason) continue;
    const messages = [own(text(reason.key, reason))];
    if (parameter.ConstraintDescription !== undefined) messages.push(words(parameter.ConstraintDescription));
    found.set(`p-${name}`, { label: words(parameter.Label)[0], messages, missing: reason.key === "missing" });
  }
  const general = [];
  for (const { names, description } of brokenRules(problems)) {
    const concerned = names.filter((name) => name in template().parameters);
    if (!concerned.length) general.push(words(description));
    for (const name of concerned) {
      const label = words(template().parameters[name].Label)[0];
      const finding = found.get(`p-${name}`) ?? { label, messages: [], missing: false };
      finding.messages.push(words(description));
      found.set(`p-${name}`, finding);
    }
  }
  return { found, general };
}

function refresh() {
  if (!rendered) return;
  const { found, general } = findings();
  for (const one of document.querySelectorAll(".field")) {
    const control = one.querySelector("input, select, textarea");
    if (control) showProblem(control, found.get(control.id));
  }
  for (const [index, group] of template().groups.entries()) {
    const here = group.parameters.flatMap((name) => found.get(`p-${name}`) ?? []);
    const missing = here.filter((one) => one.missing).length;
    const wrong = here.length - missing;
    const target = element(`g-${index}-count`);
    target.textContent = countsInWords(missing, wrong);
    target.classList.toggle("bad", wrong > 0);
  }
  showOutcome(found, general);
  drawPicture();
}

/**
 * @param {number} missing
 * @param {number} wrong
 */
function countsInWords(missing, wrong) {
  const toFillIn = missing ? [text("missingCount", { count: missing })] : [];
  const toPutRight = wrong ? [text("wrongCount", { count: wrong })] : [];
  return [...toFillIn, ...toPutRight].join(" ");
}

/**
 * @param {string} id
 * @param {Finding} finding
 */
function shown(id, finding) {
  return !finding.missing || visited.has(id);
}

/**
 * @param {Element} control
 * @param {Finding | undefined} finding
 */
function showProblem(control, finding) {
  const messages = finding && shown(control.id, finding) ? finding.messages : [];
  const visible = messages.length > 0;
  control.setAttribute("aria-invalid", String(visible));
  const error = element(`${control.id}-error`);
  const content = messages.map(([one]) => `${one} `).join("");
  if (error.textContent !== content) error.replaceChildren(...spans(messages));
  // The message repeats what is accepted.
  const hint = element(`${control.id}-hint`);
  hint.hidden = visible || !hint.textContent;
}

/**
 * @param {Map<string, Finding>} found
 * @param {Words[]} general
 */
function showOutcome(found, general) {
  const missing = [...found.values()].filter((one) => one.missing).length;
  const wrong = found.size - missing + general.length;
  const ready = missing + wrong === 0;
  say("status", ready ? text("ready") : `${text("notReady")} ${countsInWords(missing, wrong)}`);
  element("status").classList.toggle("good", ready);
  const entries = [...found].filter(([id, finding]) => shown(id, finding)).map(([id, { label, messages }]) => {
    /** @param {Event} event */
    const go = (event) => {
      event.preventDefault();
      goTo(id);
    };
    const link = make("a", { href: `#${id}`, text: label, click: go });
    return make("li", {}, link, " \u2013 ", ...spans(messages));
  });
  for (const [content, lang] of general) entries.push(make("li", { lang, text: content }));
  showProblems(entries);
  const link = element("launch", HTMLAnchorElement);
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
  showMade();
}

/** Shows the command and the file, but none with a value that is too long: a megabyte takes a second to lay out. */
function showMade() {
  const large = [...Object.values(where), ...values().values()].some(tooLong);
  for (const [id, content] of Object.entries({ command, file: parameterFile })) {
    const target = element(id, HTMLTextAreaElement);
    target.placeholder = large ? text("tooLongToShow") : "";
    target.value = large ? "" : content();
  }
  say("command-note", large ? "" : commandNote());
  say("sign-in", data.account && text("signIn", { account: data.account }));
}

/**
 * Lists the problems; an entry that stays is not touched, because it may be the one that gets the focus.
 * @param {HTMLElement[]} entries
 */
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
  if (first) goTo(first);
}

/** @param {string} id */
function goTo(id) {
  const control = element(id);
  const details = control.closest("details");
  if (details) details.open = true;
  control.focus();
  control.scrollIntoView({ block: "center" });
}

// The picture ---------------------------------------------------------------------------------------------------------

/**
 * The text with its parameters' values in it, or "" as long as one of them is blank.
 * @param {string} pattern
 */
function filled(pattern) {
  let complete = true;
  const content = pattern.replace(/\$\{([^}]+)\}/g, (_, name) => {
    const value = values().get(name) ?? pseudoParameters()[name] ?? name.replace("AWS::", "");
    complete &&= value !== "";
    return value;
  });
  return complete ? cut(content) : "";
}

// Longer than the names that AWS takes.
const LONGEST_SHOWN = 300;

/**
 * The text, and of one that is too long only what it begins with.
 * @param {string} content
 */
function cut(content) {
  // A character takes two units at most.
  const start = [...content.slice(0, 2 * LONGEST_SHOWN + 2)];
  return start.length > LONGEST_SHOWN ? `${start.slice(0, LONGEST_SHOWN - 1).join("")}…` : content;
}

/** @returns {Lane[]} */
function lanes() {
  return template().pipelines.map(({ environment, name, steps }) => ({
    environment: environment === null ? text("pipeline") : words(environment)[0],
    name: filled(name),
    steps: steps.map(({ kind, title, values: named }) => ({ kind, title: words(title)[0], values: named.map(filled) })),
  }));
}

const LANE = { least: 126, most: 300, gap: 12, top: 44 };
const BOX = { top: 20, line: 16, bottom: 8, gap: 18, margin: 6, lines: 3 };

const measure = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));

// What the picture was drawn from last.
let lastDrawn = "";

function drawPicture() {
  const drawn = lanes();
  const width = element("picture").clientWidth;
  if (!drawn.length || !width) return;
  const from = JSON.stringify([language, width, drawn]);
  if (from === lastDrawn) return;
  lastDrawn = from;
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
    for (const [index, lane] of drawn.slice(first, first + columns).entries()) {
      const left = margin + index * (laneWidth + LANE.gap);
      bottom = Math.max(bottom, drawLane(picture, lane, left, top, laneWidth));
    }
  }
  picture.setAttribute("viewBox", `0 0 ${width} ${bottom}`);
  element("picture").replaceChildren(picture);
  element("picture-words").replaceChildren(...drawn.map(laneList));
}

/**
 * Draws the steps of one pipeline below each other; returns where the next row of pipelines may begin.
 * @param {SVGElement} picture
 * @param {Lane} lane
 * @param {number} left
 * @param {number} top
 * @param {number} width
 */
function drawLane(picture, lane, left, top, width) {
  const middle = left + width / 2;
  /** @type {(content: string, style: string, y: number) => void} */
  const write = (content, style, y) => {
    picture.append(svg("text", { class: style, x: middle, y, "text-anchor": "middle" }, content));
  };
  write(lane.environment, "lane", top + 16);
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
    for (const [line, one] of lines.entries()) write(one.content, one.style, y + BOX.top + 12 + line * BOX.line);
    y += height + BOX.gap;
  });
  return y;
}

/**
 * The text in lines that fit, broken after a separator where there is one; what is too much ends in an ellipsis.
 * @param {string} content
 * @param {number} width
 * @param {number} most
 */
function wrap(content, width, most) {
  measure.font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
  /** @type {(line: string) => boolean} */
  const fits = (line) => measure.measureText(line).width <= width - 2 * BOX.margin;
  const lines = [];
  let rest = [...content.replace(/\s+/g, " ")];
  while (rest.length && lines.length < most) {
    let count = fitting(rest, fits);
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

/**
 * How many of the characters fit into a line: one at least, and found by halving, because measuring takes long.
 * @param {string[]} characters
 * @param {(line: string) => boolean} fits
 */
function fitting(characters, fits) {
  let [least, most] = [1, characters.length];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (fits(characters.slice(0, middle).join(""))) least = middle;
    else most = middle - 1;
  }
  return least;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {string} [content]
 */
function svg(tag, attributes, content = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.textContent = content;
  return made;
}

/** @param {Step} step */
function stepInWords({ title, values: named }) {
  return named.length ? `${title}: ${named.map((value) => value || text("stillBlank")).join(", ")}` : title;
}

/** @param {Lane} lane */
function laneTitle({ environment, name }) {
  return `${environment}: ${name || text("stillBlank")}`;
}

/** @param {Lane} lane */
function laneInWords(lane) {
  return `${laneTitle(lane)}. ${lane.steps.map(stepInWords).join("; ")}.`;
}

/** @param {Lane} lane */
function laneList(lane) {
  const steps = lane.steps.map((step) => make("li", { text: stepInWords(step) }));
  return make("div", {}, make("strong", { text: laneTitle(lane) }), make("ol", {}, ...steps));
}

// Buttons -------------------------------------------------------------------------------------------------------------

/**
 * Copies the text; where the browser keeps the clipboard from pages, its field shows the text, selected.
 * @param {string} name
 * @param {string} content
 */
async function copy(name, content) {
  unsay();
  try {
    await navigator.clipboard.writeText(content);
  } catch {
    const target = element(name, HTMLTextAreaElement);
    target.value = content;
    target.closest("[hidden]")?.removeAttribute("hidden");
    target.focus();
    target.select();
    // Some browsers let a page copy a selection.
    if (!document.execCommand("copy")) return announce(name, text("notCopied"));
  }
  return announce(name, text("copied"), 4000);
}

/**
 * Says beside a button for copying what came of it; with `time`, only for so many milliseconds.
 * @param {string} name
 * @param {string} content
 * @param {number} [time]
 */
function announce(name, content, time) {
  const target = /** @type {Element} */ (element(`copy-${name}`).parentElement?.querySelector(".said"));
  // Later, because a live region that is emptied and filled at once says nothing.
  saying = setTimeout(() => {
    target.textContent = content;
    if (time) saying = setTimeout(() => target.replaceChildren(), time);
  }, 50);
}

/** Takes back what was said of copying, which was of other values or in another language. */
function unsay() {
  clearTimeout(saying);
  element("link-by-hand").hidden = true;
  for (const one of document.querySelectorAll(".said")) one.replaceChildren();
}

function save() {
  const address = URL.createObjectURL(new Blob([parameterFile()], { type: "application/json" }));
  make("a", { href: address, download: fileName() }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

async function loadChosen() {
  const input = element("load-file", HTMLInputElement);
  const file = input.files?.[0];
  if (!file) return;
  let content;
  try {
    content = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    report(true, [text("notLoaded", { file: file.name }), text("notUtf8")]);
    return;
  } finally {
    // So that the same file can be chosen again.
    input.value = "";
  }
  load(file.name, content);
}

/** @param {string} chosen */
function setLanguage(chosen) {
  language = chosen;
  // Its words are in the other language.
  element("report").replaceChildren();
  render();
}

function languageButtons() {
  return data.languages.map(({ code, name }) => {
    const click = () => setLanguage(code);
    return make("button", { type: "button", id: `language-${code}`, lang: code, text: name, click });
  });
}

element("languages").append(...languageButtons());
element("load").addEventListener("click", () => element("load-file").click());
element("load-file").addEventListener("change", loadChosen);
element("save").addEventListener("click", save);
for (const [name, content] of Object.entries({ link: () => launch().address, command, file: parameterFile })) {
  element(`copy-${name}`).addEventListener("click", () => copy(name, content()));
}
element("first-problem").addEventListener("click", goToFirstProblem);
element("form").addEventListener("submit", (event) => event.preventDefault());
for (const kind of ["click", "keydown"]) {
  element("launch").addEventListener(kind, (event) => {
    if (element("launch").hasAttribute("href") || (event instanceof KeyboardEvent && event.key !== "Enter")) return;
    event.preventDefault();
    goToFirstProblem();
  });
}
new ResizeObserver(() => drawPicture()).observe(element("picture"));

render();
