"use strict";
// Sorts and searches the tables of the class's page. Without it the page shows the same, in one order.
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function keyOf(row, column) {
  const cell = row.cells[column];
  const text = "order" in cell.dataset ? cell.dataset.order : cell.textContent.trim();
  const number = text === "" || text === "–" ? NaN : Number(text.replace("−", "-").replace(/ [%s]$/, ""));
  return { text, number, empty: text === "" || text === "–" };
}

function compare(a, b, direction) {
  if (a.empty || b.empty) return a.empty - b.empty;
  const numbers = !Number.isNaN(a.number) && !Number.isNaN(b.number);
  return direction * (numbers ? a.number - b.number : collator.compare(a.text, b.text));
}

function sortBy(table, header, column) {
  const numeric = header.classList.contains("number");
  const before = header.getAttribute("aria-sort");
  const ascending = before ? before === "descending" : !numeric;
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => ({ row, key: keyOf(row, column) }));
  rows.sort((a, b) => compare(a.key, b.key, ascending ? 1 : -1));
  body.append(...rows.map((each) => each.row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  Array.from(table.tHead.rows[0].cells).forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => sortBy(table, header, column));
  });
}

for (const box of document.querySelectorAll(".find")) {
  const rows = Array.from(document.getElementById(box.dataset.table).tBodies[0].rows);
  const texts = rows.map((row) => plain(row.textContent));
  const [input, status] = [box.querySelector("input"), box.querySelector("[role=status]")];
  input.addEventListener("input", () => {
    const words = plain(input.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, number) => {
      row.hidden = !words.every((word) => texts[number].includes(word));
      shown += !row.hidden;
    });
    status.textContent = words.length ? `${shown} of ${rows.length} shown` : "";
  });
  box.hidden = false;
}
