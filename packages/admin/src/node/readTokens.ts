/** Tokens in files. */
import { OptionsError } from "@coterie/core/ClusterError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Fs from "node:fs/promises"
import type { AccessToken } from "../internal/http/Access.ts"

/** Reads one token per file. Fails with `OptionsError` if a file cannot be read. */
export const readTokens = (
  files: ReadonlyArray<{ readonly role: "read" | "write"; readonly path: string }>,
): Effect.Effect<ReadonlyArray<AccessToken>, OptionsError> =>
  Effect.forEach(files, ({ path, role }) =>
    Effect.map(
      Effect.tryPromise({
        try: (signal) => Fs.readFile(path, { encoding: "utf8", signal }),
        catch: (cause) =>
          new OptionsError({
            option: "tokenFiles",
            problem: `the file ${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
          }),
      }),
      (text) => ({ role, token: Redacted.make(text.trim()) }),
    ),
  )
