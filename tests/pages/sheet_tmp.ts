import { launchBrowser } from "../../web/browser.ts";
const [out, columns, width, ...files] = Deno.args;
const b = await launchBrowser();
const p = await b.newPage({ viewport: { width: Number(columns) * (Number(width) + 8), height: 600 } });
const imgs = await Promise.all(
  files.map(async (f) =>
    `<img style="width:${width}px;margin:2px;border:2px solid #c0f" src="data:image/png;base64,${
      (await Deno.readFile(f)).toBase64()
    }">`
  ),
);
await p.setContent(
  `<body style="margin:0;display:flex;flex-wrap:wrap;align-items:flex-start;background:#888">${imgs.join("")}`,
);
await p.screenshot({ path: out, fullPage: true });
await b.close();
