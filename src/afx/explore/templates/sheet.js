"use strict";
(() => {
  const root = document.documentElement;
  const wanted = matchMedia("(prefers-color-scheme: light)");
  let chosen = null;
  const paint = () => { root.dataset.theme = chosen || (wanted.matches ? "light" : "dark"); };
  paint();
  wanted.addEventListener("change", paint);
  document.querySelector(".theme").addEventListener("click", () => {
    chosen = root.dataset.theme === "light" ? "dark" : "light";
    paint();
  });

  const said = document.querySelector(".said");
  const copied = (button, good) => {
    const word = button.querySelector("i");
    word.textContent = good ? "copied" : "select it";
    said.textContent = good ? "Copied" : "";
    setTimeout(() => { word.textContent = "copy"; }, 1500);
  };
  // A page opened from a disk is no secure context for some browsers: then the old way.
  const old = (code) => {
    const range = document.createRange(), selection = getSelection();
    range.selectNodeContents(code);
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand("copy");
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".copy");
    if (!button) return;
    const code = button.querySelector("code");
    if (navigator.clipboard)
      navigator.clipboard.writeText(code.textContent).then(
        () => copied(button, true), () => copied(button, old(code)));
    else copied(button, old(code));
  });

  const dialog = document.querySelector("dialog");
  const tiles = [...document.querySelectorAll("article")];
  let at = 0;
  const show = (index) => {
    at = (index + tiles.length) % tiles.length;
    const tile = tiles[at];
    dialog.querySelector("h2").innerHTML = tile.querySelector("h2").innerHTML;
    dialog.querySelector(".picture img").src = tile.querySelector("img").src;
    const about = dialog.querySelector(".about");
    about.replaceChildren(tile.querySelector("template").content.cloneNode(true));
    about.append(about.querySelector("dl"));
  };
  tiles.forEach((tile, index) => {
    tile.querySelector(".tile").addEventListener("click", () => {
      show(index);
      dialog.showModal();
      dialog.scrollTop = 0;
    });
  });
  dialog.querySelectorAll(".step").forEach((button) =>
    button.addEventListener("click", () => show(at + Number(button.dataset.by))));
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => tiles[at].querySelector(".tile").focus());
  document.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    if (dialog.open) show(at + by);
    else {
      const here = tiles.findIndex((tile) => tile.contains(document.activeElement));
      const next = tiles[(here + by + tiles.length) % tiles.length];
      next.querySelector(".tile").focus();
    }
    event.preventDefault();
  });
})();
