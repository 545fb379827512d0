// The leaderboard: a metric at all numbers of views, or at one with ranks and differences.
(() => {
  const BOARD = STUDY.board;
  const DASH = "\u2013";
  const [metric, count, family, search] = ["metric", "board-views", "family", "search"].map(byId);
  let order = { column: null, descending: false };

  const add = (select, value, text) => select.add(new Option(text, value));
  Object.entries(BOARD.metrics).forEach(([name, each]) => add(metric, name, each.title));
  add(count, "", "all");
  BOARD.views.forEach((views) => add(count, views, views));
  add(family, "", "all");
  [...new Set(Object.values(BOARD.methods).map((each) => each.family))].filter(Boolean).forEach((each) => add(family, each, each));

  const figure = (value, sign) => (value === null ? DASH : (sign && value > 0 ? "+" : "") + value.toFixed(3));
  const interval = (low, high, sign) => (low === null ? "" : `${figure(low, sign)} to ${figure(high, sign)}`);
  const cell = (text, below, kind, value) => ({ text, below, kind, value });
  const standing = (row) => (row.difference === 0 ? "best" : row.mark === "tie" ? "tied" : "");

  function mean(row) {
    if (!row) return cell(DASH, "", "", null);
    const mark = standing(row) === "tied" ? " =" : "";
    const fewer = row.patients < BOARD.patients ? ` (n = ${row.patients})` : "";
    return cell(figure(row.mean) + mark, interval(row.low, row.high) + fewer, standing(row), row.mean);
  }

  const DETAILS = {
    rank: (row) => cell(row.rank === null ? DASH : String(row.rank), row.rank_low === null ? "" : `${row.rank_low} to ${row.rank_high}`, "", row.rank),
    mean,
    "less the best": (row) => (row.difference === 0 ? cell(DASH, "", "", 0)
      : cell(figure(row.difference, true), interval(row.difference_low, row.difference_high, true), "", row.difference)),
    p: (row) => (row.p === null || row.difference === 0 ? cell(DASH, "", "", null) : cell(row.p < 0.001 ? "below 0.001" : row.p.toFixed(3), "", "", row.p)),
    empty: (row) => cell(row.empty === null ? DASH : String(row.empty), "", "", row.empty),
  };

  function columns(own) {
    if (count.value) {
      return Object.entries(DETAILS).map(([title, make]) => ({ title, make: (rows) => make(rows[count.value]) }));
    }
    const found = BOARD.views.filter((views) => own.rows.some((row) => row.views === views));
    return found.map((views) => ({ title: `${views} views`, make: (rows) => mean(rows[views]) }));
  }

  function rowsOf(own) {
    const found = new Map();
    for (const row of own.rows) found.set(row.method, { ...found.get(row.method), [row.views]: row });
    return [...found].filter(([method, rows]) => {
      const known = BOARD.methods[method];
      const isSought = known.title.toLowerCase().includes(search.value.trim().toLowerCase());
      return isSought && (!family.value || known.family === family.value) && (!count.value || rows[count.value]);
    });
  }

  function sorted(rows, made) {
    const { column, descending } = order;
    if (column === null) return rows;
    const key = ([method, own]) => (column < 0 ? BOARD.methods[method].title : made[column].make(own).value);
    const sign = descending ? -1 : 1;
    return rows.sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (typeof x === "string" ? x.localeCompare(y) : x - y);
    });
  }

  function element(tag, text, attributes = {}) {
    const made = document.createElement(tag);
    made.textContent = text;
    Object.entries(attributes).forEach(([name, value]) => value && made.setAttribute(name, value));
    return made;
  }

  function head(title, number) {
    const isSorted = order.column === number;
    const sort = isSorted ? (order.descending ? "descending" : "ascending") : "none";
    const made = element("th", "", { scope: "col", "aria-sort": sort });
    const button = element("button", title, { type: "button" });
    button.addEventListener("click", () => {
      order = { column: number, descending: isSorted && !order.descending };
      draw();
      document.querySelectorAll("#board thead button")[number + 1].focus();
    });
    made.append(button);
    return made;
  }

  function line(method, cells) {
    const made = document.createElement("tr");
    const title = element("th", BOARD.methods[method].title, { scope: "row" });
    if (BOARD.methods[method].colour) title.prepend(element("i", "", { style: `background:${BOARD.methods[method].colour}`, "aria-hidden": "true" }));
    made.append(title);
    for (const { text, below, kind } of cells) {
      const each = element("td", text, { class: kind });
      if (below) each.append(element("span", below, { class: "interval" }));
      made.append(each);
    }
    return made;
  }

  function published(own, made) {
    const row = element("tr", "", { class: "published" });
    row.append(element("th", BOARD.published_title, { scope: "row" }));
    made.forEach((column, k) => {
      const views = count.value || BOARD.views.filter((each) => own.rows.some((one) => one.views === each))[k];
      const value = !count.value || column.title === "mean" ? own.published[views] : undefined;
      row.append(element("td", value === undefined ? "" : value.toFixed(3)));
    });
    return row;
  }

  function draw() {
    const own = BOARD.metrics[metric.value];
    const made = columns(own);
    const rows = sorted(rowsOf(own), made);
    const table = document.createElement("table");
    const where = count.value ? `at ${count.value} views` : "by number of views";
    const caption = document.createElement("caption");
    caption.append(element("span", `${own.title} ${where}, ${own.better} is better; mean and 95 % interval of ${BOARD.patients} ${BOARD.patient_word}.`));
    table.append(caption);
    const heads = document.createElement("tr");
    heads.append(head("method", -1), ...made.map((column, k) => head(column.title, k)));
    table.createTHead().append(heads);
    const body = table.createTBody();
    rows.forEach(([method, each]) => body.append(line(method, made.map((column) => column.make(each)))));
    if (own.published) body.append(published(own, made));
    byId("board").replaceChildren(table);
    byId("board-status").textContent = `${rows.length} of ${new Set(own.rows.map((row) => row.method)).size} methods.`;
  }

  for (const each of [metric, count, family]) each.addEventListener("change", () => { order.column = null; draw(); });
  search.addEventListener("input", draw);
  draw();
})();
