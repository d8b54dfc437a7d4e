export * as Certificates from "./Certificates.ts"
export * as Keyring from "./Keyring.ts"
export * as NodeDiscovery from "./NodeDiscovery.ts"
export * as NodeTransport from "./NodeTransport.ts"
