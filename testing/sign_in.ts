import type { Page } from "playwright-core";
import type { TestApp } from "./factors.ts";

/** What somebody needs to sign in: name, password, and the app in their hand. */
export interface TestPerson {
  username: string;
  password: string;
  app: TestApp;
}

/** Signs in on the page that is open, as a person does: password, then the code of the app. Works without script. */
export async function signInOnPage(page: Page, { username, password, app }: TestPerson): Promise<void> {
  await page.getByLabel("User name").fill(username);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await giveCodeOnPage(page, app);
}

/** Types the code of the app where it is asked for. */
export async function giveCodeOnPage(page: Page, app: TestApp): Promise<void> {
  await page.waitForURL(/\/login\/factor/);
  await page.getByLabel("Code").fill(app.code());
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}
