/** Version of this package, for artifacts. `pnpm release:version` writes this file. A test compares it with package.json. */
export const version = "0.1.0"
