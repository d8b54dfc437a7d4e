/** Loads the probe, which needs the optional peer dependency `@coterie/node-transport`. */
import * as Effect from "effect/Effect"

const transportPackage = "@coterie/node-transport"

/** Loads the module. Fails with a sentence for the subcommand that needs it. */
export const loadProbe = (subcommand: string) =>
  Effect.tryPromise({
    try: () => import("./probe.ts"),
    catch: (error) =>
      error instanceof Error && error.message.includes(transportPackage)
        ? `coterie ${subcommand} needs ${transportPackage}, which is not installed: npm install --save-dev ${transportPackage}`
        : `coterie ${subcommand} cannot load its probe: ${String(error)}`,
  })
