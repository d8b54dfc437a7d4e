/** The version of this package, for artifacts; a test compares it with package.json. */
export const version = "0.0.0"
