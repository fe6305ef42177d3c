// browser.js: what the tests of pages share: Debian's Chromium, offline; the screens that people have; a look at pixels; axe.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const screens = [
  { name: "desktop", width: 1280, height: 900 },
  { name: "phone", width: 390, height: 844 },
];
export const themes = ["light", "dark"];

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });

// A page without a network, and what it asked for beyond `path` and what it carries in itself.
export async function open(browser, path, { screen = screens[0], theme = "light", media = "screen", scripts = true } = {}) {
  const context = await browser.newContext({
    offline: true,
    colorScheme: theme,
    javaScriptEnabled: scripts,
    viewport: { width: screen.width, height: screen.height },
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.emulateMedia({ media, colorScheme: theme });
  await page.goto("file://" + path);
  page.asked = () => asked.filter((url) => !url.startsWith("file://" + path) && !url.startsWith("data:") && !url.startsWith("blob:"));
  return page;
}

// The whole page as a PNG, kept for people to look at.
export function screenshot(page, name) {
  const folder = process.env.SCREENSHOTS || "screenshots";
  mkdirSync(folder, { recursive: true });
  return page.screenshot({ fullPage: true, path: join(folder, name + ".png") });
}

// The pixels of a PNG at points: [[r, g, b], ...], each the one nearest to `like` within `reach` pixels, where that is given. The blank page that
// decodes it has scripts, whatever the page of the screenshot has.
export async function pixels(browser, png, points, like, reach = 0) {
  const page = await browser.newPage();
  const found = await page.evaluate(
    async ({ url, points, like, reach }) => {
      const image = new Image();
      image.src = url;
      await image.decode();
      const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
      canvas.drawImage(image, 0, 0);
      const side = 2 * reach + 1;
      return points.map(([x, y]) => {
        const { data } = canvas.getImageData(Math.round(x) - reach, Math.round(y) - reach, side, side);
        let best = null, least = Infinity;
        for (let i = 0; i < data.length; i += 4) {
          const far = like ? Math.hypot(...like.map((c, k) => c - data[i + k])) : i;
          if (far < least) [best, least] = [[...data.slice(i, i + 3)], far];
        }
        return best;
      });
    },
    { url: "data:image/png;base64," + png.toString("base64"), points, like, reach },
  );
  await page.close();
  return found;
}

export const distance = (a, b) => Math.hypot(...a.map((c, k) => c - b[k]));

// The contrast of two colours of sRGB, from 1 to 21. Source: WCAG 2.2, relative luminance.
export function contrast(a, b) {
  const linear = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

// What axe has to say: [] is good.
export async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((node) => node.target.join(" ")).join(", ")}`);
}

// Whether the page is wider than its screen.
export const overflows = (page) => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
