"use strict";
// Answers stay in this browser's storage until they are saved as a file; nothing is sent.
(() => {
  const data = JSON.parse(document.getElementById("questions").textContent);
  const words = JSON.parse(document.getElementById("words").textContent);
  const page = document.getElementById("ask");
  const find = (selector) => page.querySelector(selector);
  const items = [...document.querySelectorAll(".strip-of-images li")];
  const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const rows = data.rows.slice(0, data.n_asked);
  const others = [["unsure", "u", words.unsure], ["none of these", "n", words.none]];
  const state = { answers: {}, classes: [], rater: "", saved: "" };
  for (const row of rows) if (row[data.answer]) state.answers[row[0]] = row[data.answer];
  state.saved = JSON.stringify(state.answers);

  let keeps = true;
  try {
    Object.assign(state, JSON.parse(localStorage.getItem(data.key) || "{}"));
  } catch { keeps = false; }
  const keep = () => {
    try { localStorage.setItem(data.key, JSON.stringify(state)); } catch { keeps = false; }
  };

  const nextOpen = (from) => {
    for (let step = 1; step <= rows.length; step++) {
      const place = (from + step) % rows.length;
      if (!state.answers[rows[place][0]]) return place;
    }
    return Math.min(from + 1, rows.length - 1);
  };
  let current = rows.length ? nextOpen(rows.length - 1) : 0;

  const choices = () => {
    const names = [...data.class_names, ...state.classes];
    const areDigits = data.class_names.every((name) => /^[0-9]$/.test(name)); // then key 3 is class 3
    const keyOf = (name, i) => (areDigits ? (/^[0-9]$/.test(name) ? name : "") : i < 9 ? String(i + 1) : "");
    return [...names.map((name, i) => [name, keyOf(name, i), name]), ...others];
  };

  function drawChoices() {
    const group = find(".choices");
    group.replaceChildren(...choices().map(([answer, key, text]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.answer = answer;
      if (answer === "unsure" || answer === "none of these") button.className = "other";
      if (key) button.append(Object.assign(document.createElement("kbd"), { textContent: key }));
      button.append(Object.assign(document.createElement("span"), { textContent: text }));
      button.addEventListener("click", () => choose(answer));
      return button;
    }));
  }

  function draw() {
    const id = rows[current][0];
    const source = items[current].querySelector("img");
    const image = find(".shown img");
    image.hidden = !source;
    find(".shown .missing").hidden = Boolean(source);
    if (source) {
      image.src = source.src;
      image.className = source.className;
    }
    find(".shown .id").textContent = id;
    find(".says").replaceChildren(
      ...[...items[current].querySelectorAll(".about > :not(.id)")].map((node) => node.cloneNode(true)));
    for (const button of find(".choices").children)
      button.setAttribute("aria-pressed", String(button.dataset.answer === state.answers[id]));
    items.forEach((item, place) => {
      const answer = state.answers[rows[place][0]] || "";
      const other = others.find(([word]) => word === answer);
      const given = item.querySelector(".given");
      given.textContent = other ? other[2] : answer;
      given.classList.toggle("other", Boolean(other));
      item.querySelector("button").setAttribute("aria-current", String(place === current));
    });
    const done = rows.filter((row) => state.answers[row[0]]).length;
    find(".progress").setAttribute("aria-valuenow", done);
    find(".progress span").style.width = `${100 * done / rows.length}%`;
    const before = JSON.parse(state.saved);
    const unsaved = rows.filter((row) => (state.answers[row[0]] || "") !== (before[row[0]] || "")).length;
    const rest = document.createElement("small");
    rest.textContent = !unsaved ? "" : !keeps ? words.lost
      : done === rows.length ? words.finished : say(words.unsaved, { n: unsaved });
    rest.title = words.kept;
    find(".counter").replaceChildren(say(words.count, { done, all: rows.length }), rest);
  }

  function move(place) {
    current = Math.max(0, Math.min(rows.length - 1, place));
    draw();
  }

  function choose(answer) {
    const id = rows[current][0];
    const again = state.answers[id] === answer;
    if (again || !answer) delete state.answers[id];
    else state.answers[id] = answer;
    keep();
    if (answer && !again) current = nextOpen(current);
    draw();
  }

  function save() {
    const named = state.rater.trim();
    const has = data.columns.indexOf("rater");
    const columns = named && has < 0 ? [...data.columns, "rater"] : data.columns;
    const quote = (text) =>
      text.includes(data.separator) || /["\r\n]/.test(text) || /^\s|\s$/.test(text)
        ? `"${text.replaceAll('"', '""')}"` : text;
    const lines = data.rows.map((row, place) => {
      const out = [...row];
      if (place < rows.length) {
        out[data.answer] = state.answers[row[0]] || "";
        if (named) out[columns.indexOf("rater")] = out[data.answer] ? named : "";
      } else if (columns.length > row.length) out.push("");
      return out;
    });
    const text = [columns, ...lines].map((line) => line.map(quote).join(data.separator) + "\n").join("");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }));
    link.download = data.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    state.saved = JSON.stringify(state.answers);
    keep();
    find(".saved").hidden = false;
    draw();
  }

  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return;
    const found = choices().find(([, key]) => key && key === event.key.toLowerCase());
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (found) choose(found[0]);
    else if (step) move(current + step);
    else if (event.key === "Backspace" || event.key === "Delete") choose("");
    else return;
    event.preventDefault();
  });
  items.forEach((item, place) => item.querySelector("button").addEventListener("click", () => {
    move(place);
    if (page.getBoundingClientRect().bottom < 200) page.scrollIntoView();
  }));
  find(".back").addEventListener("click", () => move(current - 1));
  find(".on").addEventListener("click", () => move(current + 1));
  find(".clear").addEventListener("click", () => choose(""));
  find(".save").addEventListener("click", save);
  find(".rater").addEventListener("input", (event) => { state.rater = event.target.value; keep(); });
  find(".new")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const input = event.target.querySelector("input");
    const name = input.value.normalize("NFC").trim().replace(/\s+/g, " ");
    const known = choices().find(([answer]) => answer.toLowerCase() === name.toLowerCase());
    if (!name) return;
    if (!known) state.classes.push(name);
    input.value = "";
    input.blur();
    drawChoices();
    choose(known ? known[0] : name);
  });
  addEventListener("beforeunload", (event) => {
    if (!keeps && JSON.stringify(state.answers) !== state.saved) event.preventDefault();
  });

  if (!rows.length) return;
  document.documentElement.classList.add("answering");
  page.hidden = false;
  find(".rater").value = state.rater;
  drawChoices();
  draw();
})();
