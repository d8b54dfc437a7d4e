/** Version of this package. `pnpm release:version` writes it. */
export const version = "0.1.0"
