/** What the tests of one `deno test` came to, read from its JUnit file. */
export interface Results {
  passed: number;
  failed: number;
  /** Names of what was left out; a name says why. */
  skipped: string[];
}

const CASE = /<testcase name="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g;

/**
 * Reads Deno's JUnit report (2.9.6): one testcase per test and step, with <skipped/>, <failure> or nothing inside.
 * @throws Error when the totals of the report differ from what was read: then its form has changed.
 */
export function readResults(junit: string): Results {
  const results: Results = { passed: 0, failed: 0, skipped: [] };
  for (const [, name, file, inside = ""] of junit.matchAll(CASE)) {
    if (/<skipped/.test(inside)) results.skipped.push(`${unescape(file).replace(/^\.\//, "")}: ${unescape(name)}`);
    else if (/<(failure|error)\b/.test(inside)) results.failed++;
    else results.passed++;
  }
  const total = Number(/<testsuites [^>]*\btests="(\d+)"/.exec(junit)?.[1] ?? -1);
  const read = results.passed + results.failed + results.skipped.length;
  if (total !== read) throw new Error(`the test report counts ${total} tests, ${read} were read`);
  return results;
}

/** The sum of several. */
export function addResults(all: Results[]): Results {
  return {
    passed: all.reduce((sum, one) => sum + one.passed, 0),
    failed: all.reduce((sum, one) => sum + one.failed, 0),
    skipped: all.flatMap((one) => one.skipped),
  };
}

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescape(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name) => ENTITIES[name]);
}
