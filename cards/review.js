"use strict";

const element = (id) => document.getElementById(id);
const data = JSON.parse(element("data").textContent);
const records = data.records;
const form = element("form");
const questions = [...form.querySelectorAll(".question")];
const wrong = element("ask-wrong");
const wrongs = [...wrong.querySelectorAll(".option")]; // in the order of the form
const DONE = { submitted: "Submitted", discarded: "Discarded", draft: "Draft kept" };

let shown = records.map((_, index) => index); // places among the records of those that pass the filters
let at = 0; // place among the shown ones
let lasting = true; // whether the browser keeps what it is given

// ---- answers: an entry for each row, {status, at, answers, open, saved}; `open`: what was entered and not sent yet

const keyOf = (record) => `${data.kept}/${record.id}-${record.content_hash}`;
const placeOf = new Map(records.map((record, index) => [keyOf(record), index]));
const entries = records.map(entryOf);

function stored(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    lasting = false;
    return null;
  }
}

function store(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    lasting = false;
    tell("This browser keeps no more answers: download them before you close the page.");
  }
}

/** What was answered: here, or, where that is newer, elsewhere before this page was written. */
function entryOf(record) {
  const kept = stored(keyOf(record)) ?? {};
  const known = record.review;
  if (!known || Date.parse(kept.at) >= Date.parse(known.at)) return kept;
  return { ...known, elsewhere: true, open: kept.open };
}

function keep(index, entry) {
  entries[index] = entry;
  store(keyOf(records[index]), entry);
  count();
}

const done = (index) => ["submitted", "discarded"].includes(entries[index].status);
const now = () => new Date().toISOString();

/** Rows that were answered here, where `fresh` only those that no download has yet. */
function given(fresh) {
  const here = (entry) => entry.at && !entry.elsewhere && !(fresh && entry.saved);
  return entries.flatMap((entry, index) => (here(entry) ? [index] : []));
}

function download() {
  const places = given(false);
  const lines = places.map((index) => {
    const { id, content_hash } = records[index];
    const { status = "draft", at, answers, open } = entries[index];
    const { reviewer, source, form } = data;
    return JSON.stringify({ id, content_hash, reviewer, status, at, source, form, answers: answers ?? open });
  });
  if (!lines.length) return tell("Nothing was answered here yet.");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(lines.map((line) => `${line}\n`), { type: "application/x-ndjson" }));
  link.download = `answers-${data.reviewer}.jsonl`;
  link.click();
  for (const index of places) {
    entries[index].saved = true;
    store(keyOf(records[index]), entries[index]);
  }
  count();
  tell(`${lines.length} answers are in ${link.download}: send that file.`);
}

// ---- the row

const current = () => records[shown[at]];
const original = (record, name) => (name === "negative" ? record.negatives[0] : record[name])?.text;
const asTyped = (text) => text.replace(/\r\n?/g, "\n"); // as a text field gives it back

function make(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function language(code) {
  return data.languages[code] ?? code;
}

function block(title, code, text) {
  const words = make("div", { className: "words", dir: "auto", lang: code, textContent: text.shown ?? text.text });
  return make("section", { className: "text" }, make("h2", { textContent: `${title}, ${language(code)}` }), words);
}

function showTexts(record) {
  const many = record.negatives.length > 1;
  const negatives = record.negatives.map((text, index) =>
    block(many ? `Hard negative ${index + 1}` : "Hard negative", record.document_language, text),
  );
  element("texts").replaceChildren(
    block("Query", record.query_language, record.query),
    block("Positive", record.document_language, record.positive),
    ...negatives,
  );
  for (const words of document.querySelectorAll(".words")) {
    if (words.scrollHeight <= words.clientHeight) continue;
    Object.assign(words, { tabIndex: 0, role: "region", ariaLabel: words.previousSibling.textContent });
  }
}

function showSuggestion(record) {
  element("suggestion").hidden = !record.because.length;
  element("because").replaceChildren(...record.because.map((line) => make("li", { textContent: line, dir: "auto" })));
  const suggested = new Set([record.decision, ...record.wrong]);
  for (const option of form.querySelectorAll(".option")) {
    option.classList.toggle("suggested", suggested.has(option.firstChild.value));
  }
  const first = (option) => (option.classList.contains("suggested") ? 0 : 1);
  wrong.querySelector(".options").append(...[...wrongs].sort((a, b) => first(a) - first(b)));
}

function fill(record, answers) {
  for (const input of form.querySelectorAll("input[name]")) {
    const answer = answers[input.name];
    input.checked = input.type === "checkbox" ? Boolean(answer?.includes(input.value)) : String(answer) === input.value;
  }
  for (const name of data.texts) {
    form.elements[name].value = answers[name] ?? original(record, name) ?? "";
    form.elements[name].lang = name === "query" ? record.query_language : record.document_language;
  }
  element("narrow").value = "";
}

function show() {
  const record = current();
  element("none").hidden = Boolean(record);
  element("row").hidden = form.hidden = !record;
  element("place").textContent = record ? `${at + 1} of ${shown.length}` : "none";
  if (!record) return;
  const entry = entries[shown[at]];
  const pair = [...new Set([record.query_language, record.document_language])].map(language).join(" → ");
  const state = entry.status ? `, ${entry.status}${entry.open ? ", changed and not sent" : ""}` : "";
  element("facts").textContent = `${record.group}, ${pair}${state}`;
  element("task").textContent = record.task;
  showTexts(record);
  showSuggestion(record);
  fill(record, entry.open ?? entry.answers ?? {});
  arrange();
  scrollTo(0, 0);
  form.scrollTop = 0;
  ask(questions[0]);
}

/** Questions that do not arise are hidden; the options of what is wrong are those that were looked for. */
function arrange() {
  const fix = form.elements.decision.value === "fix";
  for (const question of questions) {
    const name = question.id.slice("ask-".length);
    const without = name.startsWith("negative") && !current().negatives.length;
    question.hidden = without || (question.dataset.kind === "text" && !fix);
  }
  const looked = element("narrow").value.trim().toLowerCase();
  let number = 0;
  for (const option of wrong.querySelectorAll(".option")) {
    option.hidden = !option.textContent.toLowerCase().includes(looked);
    if (!option.hidden) number += 1;
    option.lastChild.textContent = !option.hidden && number < 10 ? number : "";
  }
}

function count() {
  const answered = records.filter((_, index) => done(index)).length;
  const fresh = given(true).length;
  Object.assign(element("progress"), { max: records.length || 1, value: answered });
  element("answered").textContent =
    `${answered} of ${records.length} answered` + (fresh ? `, ${fresh} not downloaded` : "");
}

/** Show a dialog; the key that closes it is at hand. */
function present(id) {
  element(id).showModal();
  element(id).lastElementChild.focus();
}

function tell(words) {
  element("said").textContent = words;
}

// ---- what a reviewer does

function read() {
  const value = (name) => form.elements[name].value;
  const answers = { decision: value("decision") || null };
  answers.wrong = wrongs.map((option) => option.firstChild).flatMap((input) => (input.checked ? [input.value] : []));
  for (const name of ["positive_relevance", "negative_relevance"]) answers[name] = Number(value(name)) || null;
  for (const name of data.texts) {
    const before = original(current(), name);
    const changed = answers.decision === "fix" && before !== undefined && value(name) !== asTyped(before);
    answers[name] = changed ? value(name) : null;
  }
  return answers;
}

/** Keep what was entered so far, so that nothing is lost when the page is closed. */
function entered() {
  const entry = entries[shown[at]];
  arrange();
  keep(shown[at], { ...entry, ...(entry.status ? {} : { at: now(), saved: false }), open: read() });
}

function lacking(answers) {
  const texts = data.texts.map((name) => answers[name]).filter((text) => text !== null);
  if (!answers.decision) return ["decision", "First choose keep, fix or drop."];
  if (answers.decision === "fix" && !texts.length) return ["query", "Fix: change one of the texts, or choose another answer."];
  const empty = data.texts.find((name) => answers[name]?.trim() === "");
  return empty ? [empty, "A text cannot be empty: write the whole text, or drop the row."] : null;
}

function finish(status) {
  const answers = read();
  const lack = status === "submitted" && lacking(answers);
  if (lack) {
    tell(lack[1]);
    return ask(element(`ask-${lack[0]}`));
  }
  keep(shown[at], { status, at: now(), answers });
  if (status === "draft") return tell(`${DONE.draft}.`);
  const next = [...shown.slice(at + 1), ...shown.slice(0, at)].find((index) => !done(index));
  go(next === undefined ? at : shown.indexOf(next));
  tell(`${DONE[status]}.${next === undefined ? " All of these rows are answered: download the answers." : ""}`);
}

function go(place) {
  at = Math.min(Math.max(place, 0), Math.max(shown.length - 1, 0));
  tell("");
  show();
}

function filter() {
  const [group, code, state] = ["group", "language", "state"].map((id) => element(id).value);
  const here = shown[at];
  shown = [...records.keys()].filter((index) => {
    const record = records[index];
    const status = done(index) ? entries[index].status : entries[index].status ?? (entries[index].open && "draft");
    return (
      (!group || record.group === group) &&
      (!code || [record.query_language, record.document_language].includes(code)) &&
      (!state || (state === "open" ? !done(index) : status === state))
    );
  });
  go(shown.indexOf(here));
}

function ask(question) {
  const inside = question.querySelector(":checked:not([tabindex])") ?? question.querySelector("input, textarea");
  inside.focus();
}

function step(by) {
  const asked = questions.filter((question) => !question.hidden);
  const place = asked.indexOf(document.activeElement.closest(".question"));
  ask(asked[Math.min(Math.max(place + by, 0), asked.length - 1)]);
}

/** The option of that number in the question that has the focus, else in the first one; a second time takes it back. */
function choose(number) {
  const question = document.activeElement.closest(".question") ?? questions[0];
  const input = question.querySelectorAll(".option:not([hidden]) input")[number - 1];
  if (!input) return;
  input.checked = !input.checked;
  if (input.type === "radio") input.focus();
  else tell(`${input.nextSibling.textContent}: ${input.checked ? "ticked" : "not ticked"}`);
  entered();
}

function chooseFound() {
  choose(1);
  element("narrow").value = "";
  arrange();
}

// ---- keys

/** 1 to 9, also where the keyboard has other signs on the keys of digits; else 0. */
function digit(event) {
  if (/^[1-9]$/.test(event.key)) return Number(event.key);
  const key = event.shiftKey ? null : /^(?:Digit|Numpad)([1-9])$/.exec(event.code);
  return key ? Number(key[1]) : 0;
}

const ANYWHERE = {
  "?": () => present("keys"),
  g: () => present("guidelines"),
  w: () => ask(wrong),
  j: () => go(at + 1),
  k: () => go(at - 1),
  ArrowRight: () => go(at + 1),
  ArrowLeft: () => go(at - 1),
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  Enter: () => finish("submitted"),
  Backspace: () => finish("discarded"),
  Delete: () => finish("discarded"),
};
const WHILE_LOOKING = ["ArrowDown", "ArrowUp"]; // what the field for what is wrong leaves to the page
const WHILE_EMPTY = ["ArrowRight", "ArrowLeft", "Enter"];

/** What a key does where the focus is; nothing where it has its usual meaning. */
function meaning(event) {
  const target = event.target;
  if (event.key === "Escape") return () => ask(questions[0]);
  if (event.ctrlKey || event.metaKey) {
    if (event.key === "Enter") return ANYWHERE.Enter;
    return event.code === "KeyS" || event.key === "s" ? () => finish("draft") : undefined;
  }
  if (event.altKey || target.matches("textarea, select")) return undefined;
  if (event.key === "Enter" && target.matches("button")) return undefined;
  const number = digit(event);
  if (number) return () => choose(number);
  if (target.id === "narrow") {
    if (event.key === "Enter" && target.value) return chooseFound;
    const left = target.value ? WHILE_LOOKING : [...WHILE_LOOKING, ...WHILE_EMPTY];
    return left.includes(event.key) ? ANYWHERE[event.key] : undefined;
  }
  if (target.matches(".words, .many") && /^Arrow(Up|Down)$/.test(event.key)) return undefined;
  return Object.hasOwn(ANYWHERE, event.key) ? ANYWHERE[event.key] : undefined;
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || document.querySelector("dialog[open]")) return;
  const action = meaning(event);
  if (!action) return;
  event.preventDefault();
  if (form.hidden && !/^[jkg?]$|^Arrow/.test(event.key)) return;
  if (!event.repeat || /^[jk]$|^Arrow/.test(event.key)) action();
});

// ---- the page

function options(id, values, words) {
  const sorted = [...new Set(values)].map((value) => [words(value), value]).sort();
  element(id).append(...sorted.map(([text, value]) => make("option", { value, textContent: text })));
  element(id).addEventListener("change", filter);
}

options("group", records.map((record) => record.group), (group) => group);
options("language", records.flatMap((record) => [record.query_language, record.document_language]), language);
element("state").addEventListener("change", filter);
element("before").addEventListener("click", () => go(at - 1));
element("after").addEventListener("click", () => go(at + 1));
element("draft").addEventListener("click", () => finish("draft"));
element("discard").addEventListener("click", () => finish("discarded"));
element("download").addEventListener("click", download);
for (const id of ["guidelines", "keys"]) {
  element(`open-${id}`).addEventListener("click", () => present(id));
  element(id).lastElementChild.addEventListener("click", () => element(id).close());
}
form.addEventListener("submit", (event) => {
  event.preventDefault();
  finish("submitted");
});
form.addEventListener("input", (event) => (event.target.id === "narrow" ? arrange() : entered()));
addEventListener("storage", (event) => {
  const index = placeOf.get(event.key); // the same page in another window
  if (index === undefined) return;
  entries[index] = entryOf(records[index]);
  count();
  if (index === shown[at]) show();
});
addEventListener("beforeunload", (event) => {
  if (given(true).length) event.preventDefault();
});

count();
go(Math.max(shown.findIndex((index) => !done(index)), 0));
if (!lasting) tell("This browser keeps no answers: download them before you close the page.");
if (!entries.some((entry) => entry.at)) present("guidelines");
