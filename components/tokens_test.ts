import assert from "node:assert/strict";

const css = await Deno.readTextFile(new URL("../static/styles/tokens.css", import.meta.url));

/** Values of a token in the light and the dark theme, as hex. */
function pair(name: string): [string, string] {
  const value = new RegExp(`--${name}:\\s*([^;]+);`).exec(css)?.[1].trim();
  assert.ok(value, `there is no token --${name}`);
  const alias = /^var\(--([a-z0-9-]+)\)$/.exec(value);
  if (alias) return pair(alias[1]);
  const themes = /^light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)$/.exec(value);
  if (themes) return [themes[1], themes[2]];
  assert.match(value, /^#[0-9a-f]{6}$/, `--${name} is no colour`);
  return [value, value];
}

/** Relative luminance (WCAG 2.2). */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

const TONES = ["ok", "warn", "bad", "info", "off", "mark"];
const GROUNDS = ["ground", "rail", "raised", "hover", "selected", "grey-3"];

function check(foreground: string, background: string, least: number): void {
  const front = pair(foreground);
  const back = pair(background);
  for (const theme of [0, 1]) {
    const ratio = contrast(front[theme], back[theme]);
    assert.ok(
      ratio >= least,
      `--${foreground} on --${background} is ${ratio.toFixed(2)}:1 in the ${theme ? "dark" : "light"} theme`,
    );
  }
}

Deno.test("the ratio is computed as WCAG says", () => {
  assert.equal(contrast("#000000", "#ffffff").toFixed(1), "21.0");
  assert.equal(contrast("#777777", "#ffffff").toFixed(2), "4.48");
});

Deno.test("text reads on every ground in both themes", () => {
  for (const ground of GROUNDS) {
    check("text", ground, 7);
    check("text-muted", ground, 4.5);
  }
  for (const ground of ["ground", "rail", "raised", "hover", "selected"]) check("accent", ground, 4.5);
});

Deno.test("status reads on its own ground and on every ground of the page", () => {
  for (const tone of TONES) {
    check(tone, `${tone}-ground`, 4.5);
    for (const ground of GROUNDS) check(tone, ground, 4.5);
  }
});

Deno.test("words on filled buttons read", () => {
  for (const fill of ["accent-fill", "accent-fill-hover", "bad-fill", "bad-fill-hover"]) check("on-accent", fill, 4.5);
});

Deno.test("shapes, control lines and focus stand out from what is beside them", () => {
  for (const tone of TONES) for (const ground of ["ground", "hover", "selected"]) check(`${tone}-shape`, ground, 3);
  for (const ground of ["ground", "raised"]) check("control-line", ground, 3);
  for (const ground of GROUNDS) check("focus", ground, 3);
});

Deno.test("no colour is written outside the tokens", async () => {
  const folder = new URL("../static/styles/", import.meta.url);
  for await (const { name } of Deno.readDir(folder)) {
    if (name === "tokens.css") continue;
    const text = await Deno.readTextFile(new URL(name, folder));
    assert.deepEqual(text.match(/#[0-9a-f]{3,8}\b(?!-)/gi) ?? [], [], name);
  }
});
