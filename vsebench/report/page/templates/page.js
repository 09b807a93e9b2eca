"use strict";
// A click on a head sorts: numbers from the largest first, words from the first; what is not known stays last.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const value = (row, i) => {
    const text = row.cells[i].dataset.value ?? row.cells[i].textContent.trim();
    if (heads[i].classList.contains("word")) return text === "–" ? null : text;
    return isNaN(text) ? null : Number(text);
  };
  const order = (a, b) => typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
  heads.forEach((head, i) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const was = head.getAttribute("aria-sort"), first = head.classList.contains("word") ? "ascending" : "descending";
      const now = was === null ? first : was === "ascending" ? "descending" : "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", now);
      const sign = now === "ascending" ? 1 : -1;
      const rows = [...body.rows].map((row) => [value(row, i), row]);
      rows.sort(([a], [b]) => a === null || b === null ? (a === null) - (b === null) : sign * order(a, b));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
// A row that is pointed at, in a table or in the legend, is lit in the curves, and the other way about.
for (const part of document.querySelectorAll("section")) {
  const curves = part.querySelector(".curves");
  if (curves === null) continue;
  const light = (event) => {
    const row = event.type === "pointerleave" ? undefined : event.target.closest("[data-row]")?.dataset.row;
    part.querySelectorAll(".lit").forEach((lit) => lit.classList.remove("lit"));
    const lit = row === undefined ? [] : curves.querySelectorAll(`.row-${row}`);
    curves.classList.toggle("dim", lit.length > 0);
    if (lit.length > 0) part.querySelectorAll(`.row-${row}, [data-row="${row}"]`).forEach((each) => each.classList.add("lit"));
  };
  part.addEventListener("pointerover", light);
  part.addEventListener("pointerleave", light);
}
