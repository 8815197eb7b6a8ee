// Shows a report (any JSON) as a definition list, nested like the report.
// Must not know what a report contains: its processor decides that.
import type { Json } from "../../upload/api/contract";
import { element } from "../elements";
import { formatName, formatSize } from "../formats";
import { strings } from "../strings";

export function reportList(report: Json): HTMLElement {
  if (report === null || typeof report !== "object") return element("p", {}, plain("", report));
  const entries = Object.entries(report);
  if (entries.length === 0) return element("p", { class: "muted" }, strings.uploads.emptyReport);
  const list = element("dl", { class: "report-list" });
  for (const [name, value] of entries)
    list.append(term(name, report), element("dd", {}, content(name, value)));
  return list;
}

/** The items of an array are numbered from 1. */
function term(name: string, parent: Json): HTMLElement {
  return element("dt", {}, Array.isArray(parent) ? `${Number(name) + 1}` : formatName(name));
}

function content(name: string, value: Json): HTMLElement | string {
  if (value === null || typeof value !== "object") return plain(name, value);
  if (Array.isArray(value) && value.every((item) => item === null || typeof item !== "object"))
    return value.map((item) => plain("", item)).join(", ") || strings.uploads.none;
  return reportList(value);
}

function plain(name: string, value: null | boolean | number | string): string {
  if (value === null) return strings.uploads.none;
  if (typeof value === "boolean") return value ? strings.uploads.yes : strings.uploads.no;
  if (typeof value === "number" && /(^|_)(size|bytes)$/.test(name))
    return value < 1024 ? formatSize(value) : `${formatSize(value)} (${value.toLocaleString()} bytes)`;
  return String(value);
}
