// Keys by which the API recognises a repeated create. Must not know which upload has which.

/** 128 random bits as 32 hexadecimal digits. */
export function newKey(): string {
  return crypto
    .getRandomValues(new Uint8Array(16))
    .reduce((text, byte) => text + byte.toString(16).padStart(2, "0"), "");
}
