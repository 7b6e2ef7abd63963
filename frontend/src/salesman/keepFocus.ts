import { nextTick } from 'vue';

/**
 * Once a pressed button is gone with what it did, the focus stays in `within`, or goes to the view:
 * the next Tab goes on from there, not from the top of the page.
 */
export async function keepFocus(within: Element | null | undefined): Promise<void> {
  await nextTick();
  if (document.activeElement && document.activeElement !== document.body) return;
  const inside = within?.isConnected ? within.querySelector<HTMLElement>('a, button') : null;
  (inside ?? document.querySelector<HTMLElement>('#main'))?.focus({ preventScroll: true });
}
