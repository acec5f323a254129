import assert from "node:assert/strict";

const ROOT = new URL("..", import.meta.url);

/**
 * Requirements of levels 1 and 2 in each section of OWASP ASVS 5.0.0, by its own list: in every section they are numbered
 * from 1 on, and those of level 3 come last.
 */
const SECTIONS = "1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2 4.1:3 4.2:1 " +
  "4.3:2 4.4:4 5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2 " +
  "8.1:2 8.2:3 8.3:1 8.4:1 9.1:3 9.2:4 10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3 11.1:2 11.2:3 11.3:3 11.4:4 " +
  "11.5:1 11.6:1 12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 14.1:2 14.2:4 14.3:3 15.1:3 15.2:3 15.3:7 16.1:1 " +
  "16.2:5 16.3:4 16.4:3 16.5:3 17.1:1 17.2:4 17.3:2";

interface Row {
  id: string;
  words: string;
  verdict: string;
  proven_by: string;
}

function rowsOf(text: string): Row[] {
  return [...text.matchAll(/^\| (\d+\.\d+\.\d+) +\|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)]
    .map(([_, id, words, verdict, proven_by]) => ({
      id,
      words: words.trim(),
      verdict: verdict.trim(),
      proven_by: proven_by.trim(),
    }));
}

/** Words in backquotes that are a path of this project. */
function filesIn(text: string): string[] {
  return [...text.matchAll(/`([^`\s]+)`/g)].map(([_, name]) => name)
    .filter((name) =>
      /^(agent|bench|cli|core|deno\.json|docs|protocol|routes|scripts|testing|tests|web|worker)(\/|$)/.test(name)
    )
    .filter((name) => /\.\w+$/.test(name));
}

Deno.test("the table has every requirement of ASVS 5.0 level 2 once, in order, with a verdict", async () => {
  const rows = rowsOf(await Deno.readTextFile(new URL("docs/security-asvs.md", ROOT)));
  const expected = SECTIONS.split(" ").flatMap((section) => {
    const [name, count] = section.split(":");
    return Array.from({ length: Number(count) }, (_, n) => `${name}.${n + 1}`);
  });
  assert.equal(expected.length, 253);
  assert.deepEqual(rows.map(({ id }) => id), expected);
  for (const { id, words, verdict, proven_by } of rows) {
    assert.ok(words.length >= 4, id);
    assert.match(verdict, /^(met|partly|not met|not applicable)\b/, id);
    // What is met is proven somewhere; what is not says why.
    if (/^(met|partly)/.test(verdict)) assert.ok(filesIn(proven_by).length > 0, `${id}: by what is it proven?`);
    if (/^(partly|not met)/.test(verdict)) assert.match(verdict, /[:,.] |by default|by itself/, `${id}: why?`);
  }
});

Deno.test("every file that the pages for reviewers name is there, and every section that the table names", async () => {
  const page = await Deno.readTextFile(new URL("docs/security.md", ROOT));
  const table = await Deno.readTextFile(new URL("docs/security-asvs.md", ROOT));
  const links = [...(page + table).matchAll(/\]\(([\w.-]+\.md)\)/g)].map(([_, name]) => `docs/${name}`);
  const names = new Set([...filesIn(page), ...filesIn(table), ...links]);
  assert.ok(names.size >= 80, `only ${names.size}`);
  for (const name of names) await assert.doesNotReject(Deno.stat(new URL(name, ROOT)), `${name} is not there`);
  const headings = [...page.matchAll(/^## (.+)$/gm)].map(([_, heading]) => heading);
  for (const [_, section] of table.matchAll(/section ([A-Z][\w ]*?)(?= *[|,.]|$)/gm)) {
    assert.ok(headings.includes(section.trim()), `docs/security.md has no section ${section}`);
  }
});
