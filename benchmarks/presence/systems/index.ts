/** Compared systems, in the order of their measurement. */
import type { Driver } from "./Driver.ts"

export const systems: { readonly [name: string]: { readonly load: () => Promise<Driver> } } = {
  coterie: { load: () => import("./coterie.ts") },
  redis: { load: () => import("./redis.ts") },
}
