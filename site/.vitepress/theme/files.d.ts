/** Modules that Vite makes of files that are not TypeScript. */
declare module "*.vue" {
  import type { Component } from "vue"

  const component: Component
  export default component
}

declare module "*.css"

declare module "*?url" {
  const url: string
  export default url
}
