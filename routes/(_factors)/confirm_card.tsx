import { Button, LinkButton } from "../../components/button.tsx";
import { TextField } from "../../components/field.tsx";
import { LoginCard } from "../../components/login_card.tsx";
import { Notice } from "../../components/states.tsx";
import { factorsOf } from "../../core/auth/factors/list_factors.ts";
import { passkeysAt } from "../../core/auth/factors/relying_party.ts";
import PasskeyButton from "../../islands/passkey_button.tsx";
import { type State, viewerOf } from "../(_role)/state.ts";

/** A form that has to wait until somebody has confirmed who they are. */
export interface Again {
  /** Path and query of where it goes. */
  to: string;
  /** As it was sent: `a=1&b=2`. */
  body: string;
}

/** What the page that asks knows. */
export interface Asked {
  /** Where to go afterwards, or without confirming. */
  next: string;
  again: Again | null;
  problem: { title: string; hint: string } | null;
  /** What it is asked for. */
  why?: string;
}

/** Asks somebody who is signed in to prove again who they are. What they wanted to do waits in the form. */
export async function confirmCard(state: State, url: URL, { next, again, problem, why }: Asked) {
  const viewer = viewerOf(state);
  const { passkeys } = await factorsOf(state.services.sql, viewer.id);
  const { party } = passkeysAt(state.services.public_url, url);
  return (
    <LoginCard
      title="Confirm that it is you"
      words={`${viewer.username}, what comes next needs a proof that is not older than ten minutes.`}
      foot={<LinkButton kind="quiet" href={next}>Back without doing it</LinkButton>}
    >
      <form class="form" method="post" action="/confirm" id="confirm">
        {problem && <Notice tone="bad" title={problem.title}>{problem.hint}</Notice>}
        {!problem && why && <Notice tone="info">{again ? `${why} What you entered is kept.` : why}</Notice>}
        <input type="hidden" name="next" value={next} />
        {again && (
          <>
            <input type="hidden" name="again_to" value={again.to} />
            <input type="hidden" name="again_body" value={again.body} />
          </>
        )}
        <input type="text" name="username" value={viewer.username} autocomplete="username" hidden readOnly />
        <TextField
          id="password"
          name="password"
          type="password"
          label="Password"
          autocomplete="current-password"
          maxLength={1024}
          required
          autofocus
        />
        <TextField
          id="code"
          name="code"
          label="Code"
          hint="Six digits from your app, or a recovery code."
          autocomplete="one-time-code"
          autocapitalize="none"
          spellcheck={false}
          maxLength={64}
          mono
          required
        />
        <Button kind="primary" type="submit" wide>Confirm</Button>
      </form>
      {passkeys.length > 0 && party && (
        <PasskeyButton
          form="confirm"
          action="/confirm"
          act="use"
          label="Confirm with a passkey"
          origin={party.origin}
        />
      )}
    </LoginCard>
  );
}

/** Confirmed: one button does what was asked for before, with everything that was typed. */
export function AgainCard({ next, again }: { next: string; again: Again }) {
  return (
    <LoginCard
      title="Confirmed"
      words="Nothing was lost, and nothing was done yet."
      foot={<LinkButton kind="quiet" href={next}>Back without doing it</LinkButton>}
    >
      <form class="form" method="post" action={again.to}>
        {[...new URLSearchParams(again.body)].map(([name, value], index) => (
          <input key={index} type="hidden" name={name} value={value} />
        ))}
        <Button kind="primary" type="submit" wide autofocus>Do now what I asked for</Button>
      </form>
    </LoginCard>
  );
}
