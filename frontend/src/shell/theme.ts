import { ref } from 'vue';

export type Theme = 'light' | 'dark';

const STORED = 'ktgg-theme';

function stored(): Theme | undefined {
  try {
    const value = localStorage.getItem(STORED);
    return value === 'light' || value === 'dark' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The theme that the person chose; `undefined` follows the device. */
export const chosen = ref<Theme | undefined>(stored());

function apply(): void {
  if (chosen.value) document.documentElement.dataset.theme = chosen.value;
  else delete document.documentElement.dataset.theme;
}

/** Takes a theme, or that of the device, and keeps it for the next visit. */
export function chooseTheme(theme: Theme | undefined): void {
  chosen.value = theme;
  apply();
  try {
    if (theme) localStorage.setItem(STORED, theme);
    else localStorage.removeItem(STORED);
  } catch {
    // Storage can be forbidden. The theme then lasts as long as the page.
  }
}

/** Changes between light and dark. */
export function toggleTheme(): void {
  const isDark =
    chosen.value === 'dark' ||
    (chosen.value === undefined && matchMedia('(prefers-color-scheme: dark)').matches);
  chooseTheme(isDark ? 'light' : 'dark');
}

apply();
