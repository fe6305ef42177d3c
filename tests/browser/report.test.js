// report.test.js: the page that `weft compare --html` writes, as a browser shows it: its numbers are those of --json, its curves and its text are
// where they can be seen, on a wide screen and a phone, in light and dark, in print, without scripts and without a network.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { contrast, distance, launch, open, overflows, pixels, screens, screenshot, themes, violations } from "./browser.js";

const weft = process.env.WEFT;
const folder = mkdtempSync(join(tmpdir(), "weft-report-"));
const sides = ["var(h, 0)", "mean(h*h, 0) - mean(h, 0)**2"];
const common = ["--shape", "h=N,D", "--size", "N=256,D=16", "--seconds", "0.02", "--trials", "10"];
const reports = {
  agree: ["batchnorm(h, gamma, beta)", "fused_batchnorm(h, gamma, beta)", "--shape", "gamma=D", "--shape", "beta=D", ...common],
  one_pass: [...sides, ...common], // equal, and far less accurate
  differ: ["sum(h*h, 0)", "sum(h*h, 0)", ...common, "--gradient", "h=h*dy"],
};
const path = (name) => join(folder, name + ".html");
let browser;

before(async () => {
  for (const [name, args] of Object.entries(reports)) {
    const { status } = spawnSync(weft, ["compare", ...args, "--html", path(name)]);
    assert.equal(status, name === "differ" ? 1 : 0, name);
  }
  browser = await launch();
});
after(() => browser?.close());

const cells = (page, heading) =>
  page.evaluate((heading) => {
    const h2 = [...document.querySelectorAll("h2")].find((h) => h.textContent.startsWith(heading));
    let table = h2.nextElementSibling;
    while (!table.matches("table") && !table.querySelector("table")) table = table.nextElementSibling;
    return [...table.querySelectorAll("tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent));
  }, heading);

test("the numbers are those of --json, read without scripts and without a network", async () => {
  const page = await open(browser, path("one_pass"), { scripts: false });
  const { results, costs } = JSON.parse(execFileSync(weft, ["compare", ...reports.one_pass, "--json"], { encoding: "utf8" }));
  const errors = await cells(page, "Errors");
  assert.deepEqual(errors.map((row) => row[0]), results.map((r) => r.name));
  results.forEach((r, k) =>
    [r.max_ulp, r.error_first, r.error_second].forEach((x, i) => {
      const shown = Number(errors[k][i + 1]);
      assert.ok(Math.abs(shown - x) <= 5e-3 * Math.abs(x), `${r.name}: ${shown} is shown for ${x}`);
    }));
  const offsets = await cells(page, "Error against an offset"); // the error of mean(h*h) - mean(h)**2 grows as the offset squared
  const [thousand, million] = ["1000", "1e+06"].map((offset) => offsets.find((row) => row[0] === offset).map(Number));
  assert.ok(Math.max(thousand[1], million[1]) < 2, "the variance keeps its digits");
  assert.ok(million[2] / thousand[2] > 1e5 && million[2] / thousand[2] < 1e7, `from ${thousand[2]} to ${million[2]} ulp`);
  const unit = { B: 1, KiB: 1024, MiB: 1024 ** 2 };
  (await cells(page, "Costs")).forEach((row, side) => {
    assert.equal(Number(row[2]), costs[side].passes);
    [costs[side].bytes_read, costs[side].bytes_written, costs[side].bytes_peak, costs[side].bytes_kept].forEach((bytes, i) => {
      const [number, of] = row[i + 3].split(" ");
      assert.ok(Math.abs(number * unit[of] - bytes) <= 5e-3 * bytes, `${row[i + 3]} is shown for ${bytes} bytes`);
    });
  });
  assert.deepEqual(page.asked(), []);
  await page.context().close();
});

test("the verdict stands at the top, by sign and word", async () => {
  for (const [name, sign] of [["agree", "✓ agree."], ["one_pass", "✓ agree."], ["differ", "✗ differ."]]) {
    const page = await open(browser, path(name), { scripts: false });
    assert.equal(await page.locator(".verdict strong").innerText(), sign);
    const box = await page.locator(".verdict").boundingBox();
    assert.ok(box.y + box.height < screens[0].height, "it is seen without scrolling");
    await page.context().close();
  }
});

// Points of each curve on the screenshot, and its colour.
const curves = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("svg path[stroke]")].map((path) => {
      const at = path.getScreenCTM();
      const points = [...path.getAttribute("d").matchAll(/[ML]([-\d.]+) ([-\d.]+)/g)].map(([, x, y]) => {
        const p = new DOMPoint(Number(x), Number(y)).matrixTransform(at);
        return [p.x + window.scrollX, p.y + window.scrollY];
      });
      const [r, g, b] = getComputedStyle(path).stroke.match(/\d+/g).map(Number);
      return { name: path.textContent, colour: [r, g, b], points };
    }));

// Text of a drawing that its edge cuts off, and pairs that lie upon each other.
const hidden = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("svg")].flatMap((svg) => {
      const edge = svg.getBoundingClientRect();
      const texts = [...svg.querySelectorAll("text")].filter((t) => t.textContent).map((t) => ({ text: t.textContent, box: t.getBoundingClientRect() }));
      const cut = texts.filter(({ box }) => box.left < edge.left - 1 || box.right > edge.right + 1 || box.top < edge.top - 1 || box.bottom > edge.bottom + 1);
      const across = ({ box: a }, { box: b }) =>
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4; // lines stand close
      const pairs = texts.flatMap((a, i) => texts.slice(i + 1).filter((b) => across(a, b)).map((b) => `${a.text} | ${b.text}`));
      return [...cut.map((t) => `cut off: ${t.text}`), ...pairs];
    }));

for (const name of Object.keys(reports))
  for (const theme of themes)
    for (const screen of screens)
      test(`${name}, ${theme}, ${screen.name}: all of it can be seen`, async () => {
        const page = await open(browser, path(name), { theme, screen });
        assert.equal(await overflows(page), false, "the page is wider than the screen");
        assert.deepEqual(await hidden(page), []);
        const png = await screenshot(page, `report-${name}-${theme}-${screen.name}`);
        const [paper] = await pixels(browser, png, [[4, 4]]);
        assert.ok(theme === "dark" ? Math.max(...paper) < 60 : Math.min(...paper) > 240, `the paper is ${paper}`);
        const drawn = await curves(page);
        assert.ok(drawn.length >= 6, "three charts of two curves or more");
        for (const { name, colour, points } of drawn) {
          const inside = points.filter(([x]) => x < screen.width - 2); // what a phone scrolls to is not in the screenshot
          assert.ok(contrast(colour, paper) >= 3, `${name} has a contrast of ${contrast(colour, paper)}`); // WCAG 2.2, 1.4.11
          const seen = await pixels(browser, png, inside, colour, 3);
          const near = seen.filter((pixel) => distance(pixel, colour) < 60).length;
          assert.ok(near >= 0.4 * inside.length, `${name}: ${near} of ${inside.length} points are seen`); // a dash or a later curve may hide one
        }
        assert.deepEqual(await violations(page), []);
        await page.context().close();
      });

test("a check of the check: a curve that is not there is missed", async () => {
  const page = await open(browser, path("agree"));
  await page.evaluate(() => document.querySelector("svg path[stroke]").setAttribute("visibility", "hidden"));
  const png = await page.screenshot({ fullPage: true });
  const [{ colour, points }] = await curves(page);
  const seen = await pixels(browser, png, points, colour, 3);
  assert.ok(seen.filter((pixel) => distance(pixel, colour) < 60).length < 0.4 * points.length);
  await page.context().close();
});

test("in print it is black on white, whatever the theme, and nothing is cut off", async () => {
  const a4 = { name: "A4", width: 718, height: 1047 }; // at 96 dots an inch, less margins of 1 cm
  for (const theme of themes) {
    const page = await open(browser, path("agree"), { theme, media: "print", screen: a4 });
    assert.equal(await overflows(page), false);
    assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll(".scroll")].filter((e) => e.scrollWidth > e.clientWidth + 1).length), 0);
    const png = await screenshot(page, `report-print-${theme}`);
    const chart = await page.locator("svg").first().boundingBox();
    for (const pixel of await pixels(browser, png, [[2, 2], [chart.x + 3, chart.y + 3]])) assert.ok(Math.min(...pixel) > 240, `${theme}: ${pixel}`);
    await page.context().close();
  }
});
