export * from "./codec.mjs"
