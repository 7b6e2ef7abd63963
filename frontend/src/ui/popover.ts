import { onBeforeUnmount, onMounted, ref, type Ref } from 'vue';

const GAP = 4;
const EDGE = 8;

/** A panel in the top layer beside the button that shows it. */
export interface Popover {
  isOpen: Ref<boolean>;
  hide: () => void;
}

function place(anchor: HTMLElement, panel: HTMLElement, align: 'start' | 'end'): void {
  const box = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = panel;
  const fitsBelow = box.bottom + GAP + height + EDGE <= window.innerHeight;
  const above = box.top - GAP - height;
  const top = fitsBelow || above < EDGE ? box.bottom + GAP : above;
  const left = align === 'end' ? box.right - width : box.left;
  const mostLeft = document.documentElement.clientWidth - width - EDGE;
  panel.style.inset = 'auto';
  panel.style.top = `${Math.max(EDGE, Math.min(top, window.innerHeight - height - EDGE))}px`;
  panel.style.left = `${Math.max(EDGE, Math.min(left, mostLeft))}px`;
}

/**
 * Connects a button and an element with the attribute `popover`. The browser shows and hides it, on
 * a press outside and on Esc too; this places it. In the top layer no table or sheet cuts it off.
 */
export function usePopover(
  anchor: Readonly<Ref<HTMLElement | null>>,
  panel: Readonly<Ref<HTMLElement | null>>,
  align: 'start' | 'end' = 'start',
  onOpen?: () => void,
): Popover {
  const isOpen = ref(false);

  const put = (): void => {
    if (anchor.value && panel.value && isOpen.value) place(anchor.value, panel.value, align);
  };
  const hide = (): void => {
    if (isOpen.value) panel.value?.hidePopover();
  };
  const beforeToggle = (event: Event): void => {
    isOpen.value = (event as ToggleEvent).newState === 'open';
    // What is inside goes away with the focus on it.
    if (!isOpen.value && panel.value?.contains(document.activeElement)) anchor.value?.focus();
    const listen = isOpen.value ? window.addEventListener : window.removeEventListener;
    listen('scroll', put, { capture: true });
    listen('resize', put);
    // It has a size only once it is shown, which is before the next frame.
    if (isOpen.value) {
      requestAnimationFrame(() => {
        put();
        onOpen?.();
      });
    }
  };

  onMounted(() => {
    panel.value?.addEventListener('beforetoggle', beforeToggle);
    if (anchor.value instanceof HTMLButtonElement) anchor.value.popoverTargetElement = panel.value;
  });
  onBeforeUnmount(() => {
    window.removeEventListener('scroll', put, { capture: true });
    window.removeEventListener('resize', put);
  });

  return { isOpen, hide };
}
