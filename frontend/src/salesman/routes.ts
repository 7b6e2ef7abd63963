import type { RouteRecordRaw } from 'vue-router';
import { language } from '@/texts/texts';
import { salesmanTexts } from './texts';

/** The title of a view, as its entry of the menu has it. */
const titled = (key: keyof typeof salesmanTexts.ko) => ({
  title: () => salesmanTexts[language.value][key],
});

export const salesmanRoutes: RouteRecordRaw = {
  path: '/salesman',
  component: () => import('./SalesmanShell.vue'),
  meta: { roles: ['salesman', 'consultant'] },
  children: [
    { path: '', component: () => import('./today/Today.vue'), meta: titled('today') },
    {
      path: 'consultations',
      component: () => import('./consultations/Consultations.vue'),
      meta: titled('consultations'),
    },
    {
      path: 'consultations/:id',
      component: () => import('./consultations/ConsultationDetail.vue'),
    },
    {
      path: 'customers',
      component: () => import('./customers/Customers.vue'),
      meta: titled('customers'),
    },
    {
      path: 'visit-card',
      component: () => import('./visit-card/VisitCard.vue'),
      meta: titled('card'),
    },
    {
      path: 'enter',
      component: () => import('./visit-card/EnterForCustomer.vue'),
      meta: titled('card'),
    },
    { path: 'numbers', component: () => import('./numbers/Numbers.vue'), meta: titled('numbers') },
    { path: 'notifications', component: () => import('./notifications/Notifications.vue') },
    { path: 'me', component: () => import('./me/Me.vue') },
  ],
};
