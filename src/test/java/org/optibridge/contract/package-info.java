/**
 * What every module, regularizer and scheduler must do, whoever wrote it. {@link
 * org.optibridge.contract.Examples} says with which configs.
 */
package org.optibridge.contract;
