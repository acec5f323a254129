import { Button } from "../../button.tsx";
import { TextField } from "../../field.tsx";
import { LoginCard } from "../../login_card.tsx";
import { Notice } from "../../states.tsx";
import { define } from "../site.ts";

export const access = { role: "anonymous", scope: "none", audit: null };

export default define.page(({ state }) => {
  state.title = "Sign in";
  return (
    <LoginCard title="Sign in" words="to Linux Patch Manager on patch.example.org" foot="Version 0.1.0">
      <form class="form" method="post">
        <Notice tone="bad" title="User name or password is wrong.">
          Check both and try again. The password is case-sensitive.
        </Notice>
        <TextField id="user" name="user" label="User name" autocomplete="username" value="admin" required />
        <TextField
          id="password"
          name="password"
          type="password"
          label="Password"
          autocomplete="current-password"
          hint="At the first start, the one-time password that the server printed."
          required
        />
        <Button kind="primary" type="submit" wide>Sign in</Button>
      </form>
    </LoginCard>
  );
});
