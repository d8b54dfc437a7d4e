/** Version of this package, for artifacts. A test compares it with package.json. */
export const version = "0.0.0"
