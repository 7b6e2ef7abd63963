import { ref } from 'vue';

type Theme = 'light' | 'dark';

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
const chosen = ref<Theme | undefined>(stored());

function apply(): void {
  if (chosen.value) document.documentElement.dataset.theme = chosen.value;
}

/** Changes between light and dark, and keeps it for the next visit. */
export function toggleTheme(): void {
  const isDark =
    chosen.value === 'dark' ||
    (chosen.value === undefined && matchMedia('(prefers-color-scheme: dark)').matches);
  chosen.value = isDark ? 'light' : 'dark';
  apply();
  try {
    localStorage.setItem(STORED, chosen.value);
  } catch {
    // Storage can be forbidden. The theme then lasts as long as the page.
  }
}

apply();
