// Formats sizes, times and texts for people. Pure: must not know the DOM.

/** Names that are not words. */
const NAMES = new Map([
  ["etag", "ETag"],
  ["crc64nvme", "CRC64NVME"],
]);

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Created once, because that costs more than using it a hundred times. */
const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** 1536 → "1.5 KiB". */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  const text = value.toLocaleString(undefined, { maximumFractionDigits: digits });
  return `${text} ${bytes === 1 ? "byte" : UNITS[unit]}`;
}

/** 3725 seconds → "1 h 3 min". The two largest units, rounded up so that a time is never underestimated. */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(whole, 60, "min", "s");
  const minutes = Math.ceil(whole / 60);
  if (minutes < 1440) return pair(minutes, 60, "h", "min");
  return pair(Math.ceil(minutes / 60), 24, "d", "h");
}

function pair(value: number, base: number, large: string, small: string): string {
  const rest = value % base;
  return `${Math.floor(value / base).toLocaleString()} ${large}${rest > 0 ? ` ${rest} ${small}` : ""}`;
}

/** A date and a time of day in the reader's time zone and language. */
export function formatTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  return TIME.format(date);
}

/** "detected_type" → "Detected type". */
export function formatName(name: string): string {
  const words = name.replace(/[_-]+/g, " ").trim();
  return NAMES.get(name) ?? words.charAt(0).toUpperCase() + words.slice(1);
}

/** Ends a text of the API, which has no full stop, as a sentence. An empty text stays empty. */
export function sentence(text: string): string {
  return text === "" || /[.!?]$/.test(text) ? text : `${text}.`;
}
