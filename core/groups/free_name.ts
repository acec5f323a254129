import type { Db } from "../database/types.ts";
import { AppError } from "../errors.ts";
import { selectByName } from "./store.ts";

/** @throws AppError group_exists, naming the one that has the name */
export async function freeName(db: Db, name: string, but: string | null): Promise<void> {
  const other = await selectByName(db, name, but);
  if (!other) return;
  const problem = `There is a group named “${other.name}” already.`;
  const hint = "Capitals make no difference. Choose another name.";
  throw new AppError("group_exists", { message: problem, hint, details: [{ field: "name", problem, hint }] });
}
