import { computed, ref } from 'vue';
import { language } from '@/texts/texts';

/** What the browser and the person allow. `none`: the browser cannot show notifications. */
export type Allowed = 'none' | 'asks' | 'on' | 'off' | 'denied';

const STORED = 'ktgg-browser-notifications';

function isStored(): boolean {
  try {
    return localStorage.getItem(STORED) === 'on';
  } catch {
    return false;
  }
}

const isWanted = ref(isStored());
const permission = ref<NotificationPermission | 'none'>(
  'Notification' in globalThis ? Notification.permission : 'none',
);

/** Whether notifications are shown, and if not, why. */
export const allowed = computed<Allowed>(() => {
  if (permission.value === 'none' || permission.value === 'denied') return permission.value;
  if (permission.value === 'default') return 'asks';
  return isWanted.value ? 'on' : 'off';
});

function want(isOn: boolean): void {
  isWanted.value = isOn;
  try {
    localStorage.setItem(STORED, isOn ? 'on' : 'off');
  } catch {
    // Storage can be forbidden. The choice then lasts as long as the page.
  }
}

/** Asks the browser for its permission. Called by a press of a button only. */
export async function turnOn(): Promise<void> {
  permission.value = await Notification.requestPermission();
  if (permission.value === 'granted') want(true);
}

/** Shows none any more. The permission of the browser stays. */
export function turnOff(): void {
  want(false);
}

/**
 * Shows a sentence while the page is hidden. `tag` keeps several pages from saying it twice; a
 * press on it brings the page back and calls `open`.
 */
export function showNotification(body: string, tag: string, open: () => void): void {
  if (allowed.value !== 'on' || !document.hidden) return;
  try {
    const shown = new Notification('KT.GG', { body, tag, lang: language.value });
    shown.addEventListener('click', () => {
      window.focus();
      open();
    });
  } catch {
    // Chromium on Android shows them from a service worker only.
  }
}
