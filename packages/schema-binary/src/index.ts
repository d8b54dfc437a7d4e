export * as SchemaBinary from "./SchemaBinary.ts"
