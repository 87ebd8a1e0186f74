"use strict";
// Looks up and shows numbers that were computed with the report. formats.py has the same formats.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { budgets, mean, lower, upper } = data.curves;
  const { trials, p_gain, expected_gain_mean, cost } = data.forecast;
  const comparison = data.comparison;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);

  const number = (value, decimals) => {
    if (value === null) return "–";
    if (decimals === null) return String(Number(value.toPrecision(6)));
    const text = value.toFixed(decimals);
    return Number(text) === 0 ? text.replace("-", "") : text;
  };
  const percent = (chance) => {
    if (chance === null) return "–";
    if (chance > 0.99) return "> 99 %";
    if (chance < 0.01) return "< 1 %";
    // A half goes to the even number, as in the tables that Python makes.
    const whole = Math.round(100 * chance);
    return `${whole % 2 && 100 * chance === whole - 0.5 ? whole - 1 : whole} %`;
  };
  const gain = (value, decimals) => {
    const text = number(value, decimals);
    const small = value && decimals !== null && Number(text) === 0;
    return small ? `< ${(10 ** -decimals).toFixed(decimals)}` : text;
  };
  const amount = (value) => {
    if (value === null) return "–";
    return value >= 100 ? count(Math.round(value)) : value.toPrecision(3);
  };
  const unbroken = (text) => text.replace(/(?<!\/) (?![/([])/g, "\u00a0");
  const estimate = (search, place) => {
    const { decimals } = data.searches[search].optimum;
    const [middle, low, high] = [mean, lower, upper].map((part) => number(part[search][place], decimals));
    return mean[search][place] === null ? "–" : unbroken(`${middle} [${low}, ${high}]`);
  };
  const count = (value) => value.toLocaleString("en-US");

  const budgetSlider = one("k");
  const furtherSlider = one("m");
  const ropeSlider = one("rope");
  const hidden = new Set();

  const announce = (slider, words, unit) => {
    one(`${slider.id}-shown`).textContent = words;
    all(`.${slider.id}-here`).forEach((part) => { part.textContent = words; });
    slider.setAttribute("aria-valuetext", words + unit);
  };
  const fill = (column, text) => all("#budget-table tbody tr").forEach((row) => {
    const cell = row.querySelector(`[data-cell="${column}"]`);
    if (cell) cell.textContent = text(Number(row.dataset.search));
  });

  const showBudget = () => {
    const place = Number(budgetSlider.value);
    announce(budgetSlider, count(budgets[place]), " trials");
    fill("best", (search) => estimate(search, place));
    all("[data-curve]").forEach((figure) => point(figure, place));
  };

  const showFurther = () => {
    const place = Number(furtherSlider.value);
    announce(furtherSlider, count(trials[place]), " more trials");
    fill("chance", (search) => unbroken(percent(p_gain[search][place])));
    fill("gain", (search) =>
      unbroken(gain(expected_gain_mean[search][place], data.searches[search].optimum.decimals)));
    fill("cost", (search) => amount(cost[search][place]));
  };

  // A vertical line at a budget, and the numbers there below the picture.
  const point = (figure, place) => {
    const { x0, x1, y0, y1, k0, k1 } = Object.fromEntries(
      Object.entries(figure.dataset).map(([key, value]) => [key, Number(value)]));
    const share = Math.log(budgets[place] / k0) / Math.log(k1 / k0);
    let line = figure.querySelector(".pointer");
    if (!line) {
      line = document.createElementNS("http://www.w3.org/2000/svg", "line");
      line.setAttribute("class", "pointer");
      figure.querySelector("svg").append(line);
    }
    const x = x0 + share * (x1 - x0);
    Object.entries({ x1: x, x2: x, y1: y0, y2: y1 }).forEach(([key, value]) => line.setAttribute(key, value));
    line.setAttribute("visibility", share >= 0 && share <= 1 ? "visible" : "hidden");
    figure.querySelector(".reading").textContent =
      `k = ${count(budgets[place])}: ${estimate(Number(figure.dataset.curve), place)}`;
  };

  const follow = (figure) => {
    const svg = figure.querySelector("svg");
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const { x0, x1, k0, k1 } = figure.dataset;
      const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      const share = Math.min(Math.max((x - x0) / (x1 - x0), 0), 1);
      const wanted = Math.log(k0) + share * Math.log(k1 / k0);
      const away = budgets.map((budget) => Math.abs(Math.log(budget) - wanted));
      point(figure, away.indexOf(Math.min(...away)));
    });
    svg.addEventListener("pointerleave", () => point(figure, Number(budgetSlider.value)));
  };

  const showRope = () => {
    const place = Number(ropeSlider.value);
    announce(ropeSlider, String(comparison.ropes[place]), "");
    // Nothing is said of a difference of 0.
    one("rope-words").hidden = !place;
    one("rope-note").classList.toggle("doubt", place !== comparison.rope_place);
    all("[data-pair]").forEach((cell) => {
      const column = comparison.pairs[cell.dataset.pair].columns[cell.dataset.column];
      const chances = ["p_better", "p_equal", "p_worse"].map((name) => column[name][place]);
      // Without a rope nothing is practically equal, unless scores are exactly equal.
      const shown = place || chances[1] ? chances : [chances[0], chances[2]];
      cell.textContent = chances.includes(null) ? "–" : unbroken(shown.map(percent).join(" / "));
    });
  };

  const showSearches = () => {
    data.searches.forEach((_, search) => {
      const off = hidden.has(search);
      all(`[data-search="${search}"]:not(input), [data-part="search-${search}"]`)
        .forEach((part) => part.classList.toggle("off", off));
    });
  };

  // k=40&m=20&rope=0.002&off=1.3: values, since the grids of the sliders may change.
  const writeHash = () => {
    const state = new URLSearchParams();
    state.set("k", budgets[budgetSlider.value]);
    state.set("m", trials[furtherSlider.value]);
    if (ropeSlider && Number(ropeSlider.value) !== comparison.rope_place) state.set("rope", comparison.ropes[ropeSlider.value]);
    if (hidden.size) state.set("off", [...hidden].sort((a, b) => a - b).join("."));
    history.replaceState(null, "", `#${state}`);
  };
  const nearest = (values, wanted, otherwise) => {
    if (wanted === null || wanted === "" || !Number.isFinite(Number(wanted))) return otherwise;
    const away = values.map((value) => Math.abs(value - Number(wanted)));
    return away.indexOf(Math.min(...away));
  };
  const readHash = () => {
    const state = new URLSearchParams(location.hash.slice(1));
    budgetSlider.value = nearest(budgets, state.get("k"), budgetSlider.defaultValue);
    furtherSlider.value = nearest(trials, state.get("m"), furtherSlider.defaultValue);
    hidden.clear();
    (state.get("off") ?? "").split(".").forEach((text) => {
      if (/^\d+$/.test(text) && Number(text) < data.searches.length) hidden.add(Number(text));
    });
    all("#toggles input").forEach((box) => { box.checked = !hidden.has(Number(box.dataset.search)); });
    showBudget();
    showFurther();
    showSearches();
    if (ropeSlider) {
      ropeSlider.value = nearest(comparison.ropes, state.get("rope"), comparison.rope_place);
      showRope();
    }
  };

  // Many searches: a filter by name, and columns to sort by.
  one("filter")?.addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    hidden.clear();
    data.searches.forEach((search, place) => {
      if (!search.name.toLowerCase().includes(wanted)) hidden.add(place);
    });
    showSearches();
  });
  const sortable = (table) => all("thead th", table).forEach((head, column) => {
    const button = document.createElement("button");
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      all("thead th", table).forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const key = (row) => {
        const text = row.cells[column].textContent.replace(/[<>,\s]/g, "");
        const value = parseFloat(text);
        return Number.isNaN(value) ? text : value;
      };
      const order = (a, b) => {
        const [x, y] = [key(a), key(b)];
        if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
        const sign = x < y ? -1 : x > y ? 1 : 0;
        return down ? -sign : sign;
      };
      body.append(...all("tr", body).sort(order));
    });
  });
  all("table.sortable").forEach(sortable);

  budgetSlider.addEventListener("input", () => { showBudget(); writeHash(); });
  furtherSlider.addEventListener("input", () => { showFurther(); writeHash(); });
  ropeSlider?.addEventListener("input", () => { showRope(); writeHash(); });
  all("#toggles input").forEach((box) => box.addEventListener("change", () => {
    if (box.checked) hidden.delete(Number(box.dataset.search));
    else hidden.add(Number(box.dataset.search));
    showSearches();
    writeHash();
  }));
  window.addEventListener("hashchange", () => {
    // Links within the page carry no settings.
    if (location.hash.includes("=")) readHash();
  });
  all("[data-curve]").forEach(follow);
  all(".controls").forEach((part) => { part.hidden = false; });
  readHash();
  document.documentElement.dataset.ready = "1";
})();
