/**
 * What a repository, a maintainer script or a program may have put into a text and nobody may show or store: a NUL
 * could be stored nowhere, the other control characters (also those of 0x80 to 0x9f) steer terminals, and marks that
 * turn the direction of writing make a line read as another one. Tabs and line ends stay.
 */
export function cleanText(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    "\ufffd",
  );
}
