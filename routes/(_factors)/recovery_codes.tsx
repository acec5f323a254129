import { Button, LinkButton } from "../../components/button.tsx";
import { CheckField } from "../../components/field.tsx";
import { Notice } from "../../components/states.tsx";
import CopyText from "../../islands/copy_text.tsx";
import PrintPage from "../../islands/print_page.tsx";

/** Ten codes, shown once, with every way to keep them, and a tick that says they are kept. */
export function RecoveryCodes(
  { codes, username, next, go }: {
    codes: readonly string[];
    username: string;
    next: string;
    /** What the last button says. */
    go: string;
  },
) {
  const text = `Recovery codes of ${username} for Linux Patch Manager. Each works once.\n\n${codes.join("\n")}\n`;
  const [path, query = ""] = next.split("?");
  return (
    <>
      <Notice tone="warn" title="They are shown only now.">
        Each lets you in once when your phone or key is not at hand. Keep them where you keep passwords.
      </Notice>
      <ol class="codes mono" aria-label="Recovery codes">{codes.map((code) => <li key={code}>{code}</li>)}</ol>
      <div class="row codes-keep">
        <CopyText text={codes.join("\n")} what="the codes" />
        <LinkButton
          size="small"
          icon="download"
          href={`data:text/plain;charset=utf-8,${encodeURIComponent(text)}`}
          download={`recovery-codes-${username}.txt`}
        >
          Download
        </LinkButton>
        <PrintPage />
      </div>
      <form class="form" method="get" action={path}>
        {[...new URLSearchParams(query)].map(([name, value]) => (
          <input key={name} type="hidden" name={name} value={value} />
        ))}
        <CheckField label="I have kept these codes" required />
        <Button kind="primary" type="submit" wide>{go}</Button>
      </form>
    </>
  );
}
