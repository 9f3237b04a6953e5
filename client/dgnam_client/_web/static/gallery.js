// What a page does by itself: sliders, the photograph, watching drawings, keys. Everything else is htmx, or works without a script.
"use strict";

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// --- Sliders. The number is what is sent; the slider stands where the number is, or at the default, and is finer near the default.

function knob(element) {
  const number = one("input[type=number]", element), slider = one("input[type=range]", element);
  const { least, most, default: usual } = element.dataset;
  const low = Number(least), span = Number(most) - low, whole = "whole" in element.dataset;
  const share = usual === "" || span === 0 ? 0.5 : (Number(usual) - low) / span;
  // The default stands in the middle, unless it is an end of the range.
  const power = share <= 0 ? 3 : share >= 1 ? 1 : Math.min(12, Math.max(0.2, Math.log(share) / Math.log(0.5)));
  const place = value => Math.round(1000 * Math.pow(Math.min(1, Math.max(0, (value - low) / span)), 1 / power));
  const value = at => {
    const exact = low + span * Math.pow(at / 1000, power);
    return whole ? Math.round(exact) : Number(exact.toPrecision(3));
  };
  const show = () => {
    slider.value = number.value === "" ? (usual === "" ? 500 : place(Number(usual))) : place(Number(number.value));
    element.classList.toggle("changed", number.value !== "");
  };
  slider.hidden = false;
  slider.addEventListener("input", () => { number.value = value(Number(slider.value)); element.classList.add("changed"); });
  slider.addEventListener("dblclick", () => { number.value = ""; show(); });
  number.addEventListener("input", show);
  show();
}

function prepare(within) {
  for (const element of all("[data-knob]:not([data-ready])", within)) {
    element.dataset.ready = "";
    knob(element);
  }
}

// --- Drawings. One connection for each page that is being looked at, since browsers allow few.

let source = null, heard = "";

function watch() {
  const ids = all("[data-drawing][data-live]").map(element => element.dataset.drawing).sort();
  const wanted = document.visibilityState === "visible" ? ids.map(id => `drawing=${id}`).join("&") : "";
  if (wanted === heard && (source === null || source.readyState !== EventSource.CLOSED)) return;
  if (source) source.close();
  source = null;
  heard = wanted;
  if (!wanted) return;
  source = new EventSource(`/events?${wanted}`);
  source.addEventListener("message", event => told(JSON.parse(event.data)));
  source.addEventListener("over", () => { source.close(); heard = ""; });
}

function told(fact) {
  const element = one(`[data-drawing="${CSS.escape(fact.id)}"]`);
  if (!element) return;
  if (fact.state === "gone") {  // of which nothing else is told
    if ("live" in element.dataset) gone(element);
    return;
  }
  const bar = one("progress", element);
  if (bar) {
    bar.max = fact.total || 1;
    bar.value = fact.step;
  }
  if (fact.text) one("[data-text]", element).textContent = fact.text;
  if (fact.state !== "waiting" && fact.state !== "drawing") {
    if ("live" in element.dataset) {
      delete element.dataset.live;
      htmx.ajax("GET", `/drawings/${fact.id}`, { source: element, target: element, swap: "outerHTML" });
    }
    return;
  }
  element.dataset.state = fact.state;
  if (fact.activation !== null) one("[data-activation]", element).textContent = figure(fact.activation);
  if (fact.previews) show(one(".preview", element), `/drawings/${fact.id}/preview?n=${fact.previews}`);
}

function gone(element) {
  delete element.dataset.live;
  element.dataset.state = "failed";
  one("[data-text]", element).textContent = "The gallery was started anew meanwhile. Draw it again.";
  one("progress", element)?.remove();
  one(".actions", element)?.remove();
}

// The next preview replaces the last one only when it is there, so that nothing flickers.
function show(picture, address) {
  const next = new Image();
  next.onload = () => { picture.src = address; picture.hidden = false; };
  next.src = address;
}

const figure = value => Number(value.toPrecision(4)).toString().replace("-", "−");

// --- The photograph to start from.

function photograph(file) {
  const drop = one("#drop");
  if (!drop) return;
  const input = one("input", drop), picture = one("img", drop);
  if (file) {
    const carried = new DataTransfer();
    carried.items.add(file);
    input.files = carried.files;
  }
  const chosen = input.files[0];
  if (picture.src) URL.revokeObjectURL(picture.src);
  picture.hidden = !chosen;
  one("[data-clears]", drop).hidden = !chosen;
  if (chosen) picture.src = URL.createObjectURL(chosen);
  else picture.removeAttribute("src");
}

const carriesFile = event => [...(event.dataTransfer?.types ?? [])].includes("Files");

addEventListener("dragover", event => {
  if (!carriesFile(event)) return;
  event.preventDefault();
  one("#drop")?.classList.add("over");
});
addEventListener("dragleave", event => { if (!event.relatedTarget) one("#drop")?.classList.remove("over"); });
addEventListener("drop", event => {
  if (!carriesFile(event)) return;
  event.preventDefault();
  one("#drop")?.classList.remove("over");
  const file = [...event.dataTransfer.files].find(one => one.type.startsWith("image/"));
  if (file) photograph(file);
  else notice("That is not a picture: drop a PNG, JPEG or WebP file.");
});

// --- Notices.

function notice(text) {
  const element = document.createElement("div");
  element.className = "notice";
  const said = document.createElement("p"), close = document.createElement("button");
  said.textContent = text;
  close.type = "button";
  close.className = "quiet";
  close.textContent = "×";
  close.dataset.closes = "";
  close.ariaLabel = "Close";
  element.append(said, close);
  one("#notices").replaceChildren(element);
}

addEventListener("htmx:sendError", event => {
  if (event.detail.requestConfig.path !== "/status") notice("The gallery itself does not answer. Is it still running?");
  const status = one(".status");
  if (status) status.innerHTML = '<span class="dot bad"></span><span>the gallery does not answer</span>';
});

// --- Clicks.

addEventListener("click", event => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("closes" in button.dataset) button.closest(".notice").remove();
  if ("opens" in button.dataset) one(`#${button.dataset.opens}`).showModal();
  if ("clears" in button.dataset) {
    event.preventDefault();
    one("#drop input").value = "";
    photograph(null);
  }
  if ("copies" in button.dataset) {
    const text = one("code", button.parentElement).textContent;
    navigator.clipboard.writeText(text).then(
      () => { button.textContent = "Copied"; setTimeout(() => { button.textContent = "Copy"; }, 1500); },
      () => getSelection().selectAllChildren(one("code", button.parentElement)),
    );
  }
});
addEventListener("change", event => { if (event.target.matches("#drop input")) photograph(null); });

// --- Keys.

const follow = kind => { const link = one(`link[rel=${kind}]`); if (link) location.href = link.href; };
const focus = selector => { const field = one(selector); if (field) { field.scrollIntoView({ block: "center" }); field.focus(); } };
const KEYS = {
  "/": () => focus("#search"),
  d: () => one("#draw")?.requestSubmit(),
  c: () => one("[data-cancels]")?.click(),
  p: () => focus("#pair"),
  o: () => { const part = one("#options details"); if (part) { part.open = !part.open; one("summary", part).focus(); } },
  u: () => follow("up"),
  h: () => { location.href = "/"; },
  j: () => { location.href = "/jobs"; },
  ArrowLeft: () => follow("prev"),
  ArrowRight: () => follow("next"),
  "?": () => one("#shortcuts").showModal(),
};

addEventListener("keydown", event => {
  const typing = event.target.closest("input, textarea, select, dialog");
  if (event.key === "Escape" && typing?.matches("input")) typing.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});

// --- A page of a failure looks again until the server answers.

function lookAgain() {
  setTimeout(async () => {
    try {
      const answer = await fetch("/status", { headers: { "HX-Request": "true" } });
      if ((await answer.text()).includes("data-answers")) { location.reload(); return; }
    } catch { /* the gallery is not there either: look again */ }
    lookAgain();
  }, 3000);
}

addEventListener("htmx:load", event => { prepare(event.target.parentElement ?? document); watch(); });
addEventListener("visibilitychange", watch);
addEventListener("pagehide", () => { if (source) source.close(); source = null; heard = ""; });
addEventListener("pageshow", watch);
addEventListener("DOMContentLoaded", () => {
  prepare(document);
  if (one("#drop input")?.files.length) photograph(null);
  watch();
  if (one("[data-retries]")) lookAgain();
});
