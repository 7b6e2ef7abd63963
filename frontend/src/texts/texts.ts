import { computed, ref, watchEffect, type ComputedRef } from 'vue';

/** The languages of the pages. Korean is the source; English has the same keys. */
export type Language = 'ko' | 'en';

/** What a text may be: a sentence, or a function of what the sentence says. */
type Entry =
  string | readonly string[] | ((...values: never[]) => string) | { [key: string]: Entry };

/** The same keys and parameters, with other words. */
type Translated<T> = T extends string
  ? string
  : T extends readonly string[]
    ? readonly string[]
    : T extends (...values: infer Values) => string
      ? (...values: Values) => string
      : { [Key in keyof T]: Translated<T[Key]> };

/** Texts of one part of the pages in all languages. */
export interface Texts<T> {
  ko: T;
  en: Translated<T>;
}

const STORED = 'ktgg-language';

function preferred(): Language {
  try {
    const stored = localStorage.getItem(STORED);
    if (stored === 'ko' || stored === 'en') return stored;
  } catch {
    // Storage can be forbidden. The language then lasts as long as the page.
  }
  return navigator.language.startsWith('en') ? 'en' : 'ko';
}

/** The present language. Changing it changes every text at once. */
export const language = ref<Language>(preferred());

watchEffect(() => {
  document.documentElement.lang = language.value;
});

/** The English words of a built page, once they are loaded. */
let english: Readonly<Record<string, unknown>> = {};

/**
 * Loads what the present language needs before the first view is shown. Without English words, as
 * after a lost connection, the page is Korean.
 */
export async function loadTexts(): Promise<void> {
  if (language.value === 'en') await loadEnglish().catch(() => (language.value = 'ko'));
}

async function loadEnglish(): Promise<void> {
  ({ default: english } = await import('virtual:english'));
}

/**
 * Changes the language, and keeps it for the next visit. Rejects when the words cannot be loaded;
 * the language then stays.
 */
export async function setLanguage(next: Language): Promise<void> {
  if (next === 'en' && import.meta.env.PROD) await loadEnglish();
  language.value = next;
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // See above.
  }
}

/**
 * Declares the texts of one part. English without a key of Korean, or with other parameters, does
 * not compile.
 */
export function defineTexts<T extends { [key: string]: Entry }>(
  ko: T,
  en: NoInfer<Translated<T>>,
): Texts<T> {
  // The build puts a key in the place of the English words: see vite.english.ts.
  if (typeof en !== 'string') return { ko, en };
  const key: string = en;
  return {
    ko,
    get en() {
      return english[key] as Translated<T>;
    },
  };
}

/** The texts in the present language: `t.title` in a template, `t.value.title` in a script. */
export function useTexts<T>(texts: Texts<T>): ComputedRef<T> {
  // A translation has the type of its source, apart from literal types of the words.
  return computed(() => texts[language.value] as T);
}
